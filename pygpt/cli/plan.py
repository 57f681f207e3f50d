"""`pygpt plan`: compute what a run would need, and print it as tables or JSON."""

import dataclasses
import math
from typing import Annotated, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pygpt.cli.flags import ExperimentCommand, optional
from pygpt.cli.output import PlainConsole, printable
from pygpt.data import CutDocuments
from pygpt.errors import ExperimentError
from pygpt.utils.json_text import json_text
from pygpt.utils.units import format_bytes

# A typical number of characters in an English text, assumed for a text that has to be downloaded first.
USUAL_ALPHABET = 96


@dataclasses.dataclass
class PlanCommand(ExperimentCommand):
    """Compute what a run would need, without running it: parameters, activations, memory, FLOPs and launches."""

    device: Literal["numpy", "webgpu"] = "numpy"
    """device to plan for; a GPU splits some matrix products"""
    vocab_size: Annotated[int | None, optional("INT")] = None
    """vocabulary size (default: that of the text, unless it has to be downloaded)"""
    json: bool = False
    """print one JSON object"""

    def run(self) -> int:
        """Print the plan."""
        from pygpt.analysis.plan import plan_run
        from pygpt.devices.base import Device

        experiment = self.experiment()
        vocab_size, tokens, origin = _vocabulary(experiment, self.vocab_size)
        cut = _cut(experiment)
        device = Device("a plan")
        device.kind, device.software = self.device, self.device == "numpy"
        plan = plan_run(experiment, vocab_size, tokens, device)
        if self.json:
            print(json_text(_as_json(plan, tokens, self.device) | ({"cut_documents": cut.to_dict()} if cut else {})))
        else:
            _show(plan, tokens, origin, PlainConsole(), cut)
        return 0


def _vocabulary(experiment, requested):
    """Return (vocabulary size, tokens of the text, origin of the vocabulary size)."""
    from pygpt.data import DATASETS, load_text
    from pygpt.tokenizers import expected_vocabulary, make_tokenizer

    data = experiment.data
    if requested is not None and requested < 1:
        raise ExperimentError("vocab-size", f"{requested} is less than 1")
    dataset = DATASETS.get(data.source)
    is_local = dataset is None or dataset.remote is None
    expected = expected_vocabulary(data)
    # Load the text only if the tokenizer needs it: generating the tales takes a quarter of a second.
    needs_text = dataset is None or (is_local and requested is None and expected is None)
    text = ""
    if needs_text:
        loaded = load_text(data.source)
        if loaded.text is None:  # shards: the device holds only the next windows, not the text
            origin = "from --vocab-size" if requested else f"from the shards in {data.source}"
            return requested or loaded.tokenizer.vocab_size, 0, origin
        text = loaded.text
    tokens = dataset.size if dataset else len(text)
    if requested is not None:
        return requested, tokens, "from --vocab-size"
    if expected is not None:
        return expected, tokens, f"from the tokenizer {data.tokenizer}"
    if not is_local:
        return USUAL_ALPHABET, tokens, f"assumed: a plan does not download {data.source}; set it with --vocab-size"
    return make_tokenizer(data, text).vocab_size, tokens, f"from {data.source}"


def _cut(experiment):
    """What the context leaves out of documents: None if nothing, or if the text would have to be downloaded first."""
    from pygpt.data import DATASETS, cut_documents, load_text, whole_split
    from pygpt.tokenizers import make_tokenizer

    data, block = experiment.data, experiment.model.block_size
    dataset = DATASETS.get(data.source)
    if data.layout != "documents" or (dataset and dataset.remote):
        return None
    text = load_text(data.source)
    if text.text is None:  # shards are a stream; a run says so
        return None
    return cut_documents(block, whole_split(text.text, make_tokenizer(data, text.text), "documents", block))


def _as_json(plan, tokens: int, device: str) -> dict:
    def rows(tensors):
        return [{**dataclasses.asdict(row), "bytes": row.nbytes} for row in tensors]

    return {
        "experiment": plan.experiment.to_dict(),
        "device": device,
        "vocabulary": plan.vocab_size,
        "tokens": tokens,
        "parameters": plan.parameter_count,
        "peak_bytes": plan.peak_bytes,
        "step_flops": plan.step_flops,
        "step_launches": plan.step_launches,
        "memory": plan.memory,
        "parameter_tensors": rows(plan.parameters),
        "activation_tensors": rows(plan.activations),
        "launches": [
            {"kernel": row.kernel, "count": row.count, "flops": row.flops, "bytes": row.nbytes} for row in plan.launches
        ],
    }


def _show(plan, tokens: int, origin: str, console: Console, cut: CutDocuments | None) -> None:
    experiment, model = plan.experiment, plan.experiment.model
    batch = experiment.train.sequences * model.block_size
    console.print(
        Text.assemble(
            (printable(experiment.name or "run"), "bold"),
            f"  {model.kind}: {plan.parameter_count:,} parameters, vocabulary of {plan.vocab_size:,} ({origin}), "
            f"text of {tokens:,} tokens\n",
        )
    )
    if cut:
        console.print(f"{cut}.\n")
    _tensors(console, "Parameters", plan.parameters)
    if plan.activations:
        _tensors(
            console,
            f"Activations of a step: {experiment.train.batch_size:,} sequences of {model.block_size:,} tokens",
            plan.activations,
        )
    launches = Table(title="Launches of a step", title_justify="left", box=None, pad_edge=False)
    for title in ("kernel", "launches", "GFLOP", "GB moved"):
        launches.add_column(title, justify="left" if title == "kernel" else "right")
    for row in sorted(plan.launches, key=lambda row: (-row.flops, -row.nbytes)):
        launches.add_row(row.kernel, f"{row.count:,}", f"{row.flops / 1e9:,.3f}", f"{row.nbytes / 1e9:,.3f}")
    console.print(launches, "")
    memory = Table(title="Device memory", title_justify="left", box=None, pad_edge=False, show_header=False)
    memory.add_column()
    memory.add_column(justify="right")
    for part, nbytes in plan.memory.items():
        memory.add_row(part, format_bytes(nbytes))
    memory.add_row("at the peak", format_bytes(plan.peak_bytes), style="bold")
    console.print(memory, "")
    console.print(
        f"A step trains on {batch:,} tokens with {plan.step_flops / 1e9:,.1f} GFLOP in {plan.step_launches:,} "
        f"launches. {experiment.train.steps:,} steps take {experiment.train.steps * plan.step_flops:.2g} FLOP for "
        f"{experiment.train.steps * batch:,} tokens."
    )


def _tensors(console, title, rows):
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("name", "shape", "count", "elements", "bytes"):
        table.add_column(heading, justify="left" if heading in ("name", "shape") else "right")
    for row in rows:
        table.add_row(
            row.name,
            " x ".join(f"{length:,}" for length in row.shape),
            f"{row.count:,}",
            f"{row.count * math.prod(row.shape):,}",
            format_bytes(row.nbytes),
        )
    console.print(table, "")
