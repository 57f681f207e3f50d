"""The work that is done side by side: the same first weights, the same batches, the same Adam, for us and for each peer."""

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
BATCHES = 40  # how many a peer is given; it goes round and round


def hand_over(size: str, batch_size: int = 0, folder: Path | None = None) -> Path:
    """Write what a peer needs to do our work, and return the description's path: NAME.json, and NAME.bin beside it.

    The .bin holds the weights (float32, as named in the .json), then BATCHES times inputs and targets (int32, B x T).
    """
    folder = folder or FOLDER / "work"
    folder.mkdir(parents=True, exist_ok=True)
    experiment = bench_experiment(size, batch_size)
    device = open_device("numpy")
    run = Run(experiment, bench_text(), device)
    model, optim = experiment.model, experiment.optim
    tensors, parts, at = {}, [], 0
    for name, placed in run.weights.named.items():
        parts.append(device.read(placed))
        tensors[name] = {"offset": at, "shape": list(placed.shape)}
        at += len(parts[-1])
    for step in range(BATCHES):
        chance = RngState(run.seed, tensor(device, [step], dtype="uint32"))
        parts += [device.read(part) for part in run.train_batches.next_batch(chance, BATCH)]
    name = f"{size}-{experiment.train.batch_size}"
    (folder / f"{name}.bin").write_bytes(b"".join(parts))
    described = {
        "size": size,
        "kind": model.kind,
        "layers": model.n_layer,
        "heads": model.n_head,
        "width": model.n_embd,
        "block": model.block_size,
        "batch": experiment.train.batch_size,
        "vocabulary": len(ALPHABET),
        "tensors": tensors,
        "weight_bytes": at,
        "batches": BATCHES,
        "bytes": f"{name}.bin",
        "learning_rate": optim.learning_rate,
        "beta1": optim.beta1,
        "beta2": optim.beta2,
        "epsilon": optim.epsilon,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(described))
    return path
