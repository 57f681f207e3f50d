"""Small runs for the tests."""

import struct

from pygpt.analysis.plan import plan_run
from pygpt.config.experiment import PRESETS, Experiment
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
    """A GPT with one narrow block; `changes` sets fields by dotted name."""
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
    """A run of `experiment(**changes)` on the poem, or on names if the layout is documents."""
    text = NAMES if changes.get("data.layout") == "documents" else POEM
    return Run(experiment(**changes), text_from_bytes("poem", text.encode()), device)


def finish(run, at_most=None):
    """Train to the end (or until `at_most` steps have been sent) and return the metrics."""
    for event in run.train():
        if run.step == at_most and event.kind != "evaluating":
            break
    return run.take_metrics(run.device.read(run.metrics_tensor))


def bits(metrics):
    """The exact bits of the losses, by (step, name)."""
    return {
        (m.step, name): struct.pack("<f", value).hex()
        for m in metrics
        for name, value in (("loss", m.loss), ("val_loss", m.val_loss))
        if value is not None
    }


def preset_kernels() -> list[str]:
    """Return the names of the kernels that a training step of any preset launches."""
    names = sorted({row.kernel for preset in PRESETS.values() for row in plan_run(preset, 65).launches})
    assert len(names) > 15
    return names


def samplers(run):
    """Yield (case, sampler with a cache, sampler without one), each with 30 tokens enqueued, so that the window is cut
    several times. The prompts have one token, about half a window, a whole one and more; greedy and at random."""
    block, letters = run.model.block_size, (POEM if run.tokenizer.bos is None else NAMES).replace("\n", "")
    for length in sorted({0, 1, block // 2, block // 2 + 1, block // 2 + 2, block, 2 * block + 1}):
        for temperature in (0.0, 0.9):
            prompt, config = letters[:length], SamplingConfig(temperature=temperature, top_k=7, seed=5)
            pair = [Sampler(run.model, run.tokenizer, prompt, config, cached=cached) for cached in (True, False)]
            for sampler in pair:
                sampler.enqueue(30)
            yield (prompt, config), *pair
