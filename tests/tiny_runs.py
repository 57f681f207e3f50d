"""Small runs for tests."""

import struct

from pygpt.config.experiment import Experiment
from pygpt.config.sampling import SamplingConfig
from pygpt.data import text_from_bytes
from pygpt.inference.sampler import Sampler
from pygpt.training.run import Run

POEM = (
    "Twinkle, twinkle, little star, how I wonder what you are! Up above the world so high, like a diamond in the sky.\n"
    * 40
)
NAMES = "\n".join(
    f"{first}{middle}{last}" for first in "bdklmrt" for middle in ("a", "e", "ill", "o") for last in "nmsx"
)


def experiment(**changes):
    """A GPT of one thin block, with fields changed by dotted name."""
    base = Experiment.from_dict(
        {
            "name": "test",
            "model": {"n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 8},
            "optim": {"learning_rate": 1e-2, "min_learning_rate": 1e-3, "warmup_steps": 2},
            "train": {"steps": 12, "batch_size": 4, "eval_every": 5, "eval_batches": 3, "log_every": 1},
        }
    )
    return base.with_fields(**changes)


def poem_run(device, **changes):
    """A run of `experiment(**changes)` on the poem, or on names where documents are asked for."""
    text = NAMES if changes.get("data.layout") == "documents" else POEM
    return Run(experiment(**changes), text_from_bytes("poem", text.encode()), device)


def finish(run, at_most=None):
    """Train to the end (or until `at_most` steps are on their way) and return the metrics."""
    for event in run.train():
        if run.step == at_most and event.kind != "evaluating":
            break
    return run.take_metrics(run.device.read(run.metrics_tensor))


def bits(metrics):
    """The losses, bit for bit, by step."""
    return {
        (m.step, name): struct.pack("<f", value).hex()
        for m in metrics
        for name, value in (("loss", m.loss), ("val_loss", m.val_loss))
        if value is not None
    }


def samplers(run):
    """Yield (case, sampler, the same without a cache) with 30 tokens on their way: past several cuts, from prompts of one
    token, about half a window, all of it and more, greedy and drawn."""
    block, letters = run.model.block_size, (POEM if run.tokenizer.bos is None else NAMES).replace("\n", "")
    for length in sorted({0, 1, block // 2, block // 2 + 1, block // 2 + 2, block, 2 * block + 1}):
        for temperature in (0.0, 0.9):
            prompt, config = letters[:length], SamplingConfig(temperature=temperature, top_k=7, seed=5)
            pair = [Sampler(run.model, run.tokenizer, prompt, config, cached=cached) for cached in (True, False)]
            for sampler in pair:
                sampler.enqueue(30)
            yield (prompt, config), *pair
