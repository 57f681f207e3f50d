"""The work that pygpt and each peer do: the same initial weights, batches and Adam settings."""

import json
import os
from pathlib import Path

from pygpt.analysis.bench import ALPHABET, bench_experiment, bench_text
from pygpt.devices import open_device
from pygpt.nn.parameters import RngState
from pygpt.ops.threefry import BATCH
from pygpt.tensor.tensor import tensor
from pygpt.training.run import Run

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("PYGPT_BENCH", ROOT / "build" / "bench"))
BATCHES = 40  # a peer cycles through this many batches


def write_work(size: str, batch_size: int = 0, folder: Path | None = None) -> Path:
    """Write the work for the peers, NAME.json with NAME.bin beside it, and return the path of NAME.json.

    The .bin holds the weights (float32, as named in the .json), then BATCHES times inputs and targets (int32, B x T).
    """
    folder = folder or FOLDER / "work"
    folder.mkdir(parents=True, exist_ok=True)
    experiment = bench_experiment(size, batch_size)
    device = open_device("numpy")
    run = Run(experiment, bench_text(), device)
    model, optim = experiment.model, experiment.optim
    tensors, parts, offset = {}, [], 0
    for name, weight in run.weights.by_name.items():
        parts.append(device.read(weight))
        tensors[name] = {"offset": offset, "shape": list(weight.shape)}
        offset += len(parts[-1])
    for step in range(BATCHES):
        rng = RngState(run.seed, tensor(device, [step], dtype="uint32"))
        parts += [device.read(part) for part in run.train_batches.next_batch(rng, BATCH)]
    name = f"{size}-{experiment.train.batch_size}"
    (folder / f"{name}.bin").write_bytes(b"".join(parts))
    description = {
        "size": size,
        "kind": model.kind,
        "layers": model.n_layer,
        "heads": model.n_head,
        "width": model.n_embd,
        "block": model.block_size,
        "batch": experiment.train.batch_size,
        "vocabulary": len(ALPHABET),
        "tensors": tensors,
        "weight_bytes": offset,
        "batches": BATCHES,
        "bytes": f"{name}.bin",
        "learning_rate": optim.learning_rate,
        "beta1": optim.beta1,
        "beta2": optim.beta2,
        "epsilon": optim.epsilon,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(description))
    return path
