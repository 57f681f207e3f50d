"""`pygpt plan`: what a run would need, as tables or as JSON."""

import dataclasses
import json
import math
from typing import Annotated, Literal

from rich.console import Console
from rich.table import Table

from pygpt.cli.flags import ExperimentCommand, optional
from pygpt.errors import ExperimentError
from pygpt.utils.units import format_bytes

# What an English text has, about, for one that is not at hand.
USUAL_ALPHABET = 96


@dataclasses.dataclass
class PlanCommand(ExperimentCommand):
    """Say what a run would need, without running it: parameters, activations, memory, FLOPs and launches."""

    device: Literal["numpy", "webgpu"] = "numpy"
    """plan for NumPy, or for a GPU, where some products are split"""
    vocab_size: Annotated[int | None, optional("INT")] = None
    """vocabulary size (default: what the text has, if it is at hand)"""
    json: bool = False
    """print one JSON object"""

    def run(self) -> int:
        """Print the plan."""
        from pygpt.analysis.plan import plan_run
        from pygpt.devices.base import Device

        experiment = self.experiment()
        vocab_size, tokens, why = _vocabulary(experiment, self.vocab_size)
        like = Device("a plan")
        like.kind, like.software = self.device, self.device == "numpy"
        found = plan_run(experiment, vocab_size, tokens, like)
        if self.json:
            print(json.dumps(_as_json(found, tokens, self.device)))
        else:
            _show(found, tokens, why, Console(highlight=False))
        return 0


def _vocabulary(experiment, wanted):
    """(vocabulary, tokens of the text, where the two come from)."""
    from pygpt.data import DATASETS, load_text
    from pygpt.tokenizers import expected_vocabulary, make_tokenizer

    data = experiment.data
    if wanted is not None and wanted < 1:
        raise ExperimentError("vocab-size", f"{wanted} is less than 1")
    dataset = DATASETS.get(data.source)
    at_hand = dataset is None or dataset.remote is None
    # Only an alphabet has to be read from the text; writing the tales anew for it takes a quarter of a second.
    read = dataset is None or (at_hand and wanted is None and data.tokenizer == "char")
    found = load_text(data.source) if read else None
    if found and found.text is None:  # shards, of which only the next windows are on the device
        return wanted or found.tokenizer.vocab_size, 0, "as given" if wanted else f"of the shards in {data.source}"
    text = found.text if found else ""
    tokens = dataset.size if dataset else len(text)
    if wanted is not None:
        return wanted, tokens, "as given"
    if data.tokenizer == "char" and not at_hand:
        return USUAL_ALPHABET, tokens, f"a guess, since {data.source} is not fetched for this; --vocab-size says it"
    if (known := expected_vocabulary(data)) is not None:
        return known, tokens, f"of the tokenizer {data.tokenizer}"
    return (
        make_tokenizer(data, text or "a").vocab_size,
        tokens,
        f"of {data.source}",
    )


def _as_json(plan, tokens: int, device: str) -> dict:
    def rows(found):
        return [{**dataclasses.asdict(row), "bytes": row.nbytes} for row in found]

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


def _show(plan, tokens: int, why: str, console: Console) -> None:
    experiment, model = plan.experiment, plan.experiment.model
    batch = experiment.train.sequences * model.block_size
    console.print(
        f"[bold]{experiment.name or 'run'}[/]  {model.kind}: {plan.parameter_count:,} parameters, a vocabulary of "
        f"{plan.vocab_size:,} ({why}), a text of {tokens:,} tokens\n"
    )
    _tensors(console, "Parameters", plan.parameters)
    if plan.activations:
        _tensors(
            console,
            f"Activations of a step: {experiment.train.batch_size:,} sequences of {model.block_size:,} tokens",
            plan.activations,
        )
    launches = Table(title="Work of a step", title_justify="left", box=None, pad_edge=False)
    for title in ("kernel", "launches", "GFLOP", "GB moved"):
        launches.add_column(title, justify="left" if title == "kernel" else "right")
    for row in sorted(plan.launches, key=lambda row: (-row.flops, -row.nbytes)):
        launches.add_row(row.kernel, f"{row.count:,}", f"{row.flops / 1e9:,.3f}", f"{row.nbytes / 1e9:,.3f}")
    console.print(launches, "")
    memory = Table(title="Memory of the device", title_justify="left", box=None, pad_edge=False, show_header=False)
    memory.add_column()
    memory.add_column(justify="right")
    for what, nbytes in plan.memory.items():
        memory.add_row(what, format_bytes(nbytes))
    memory.add_row("[bold]at the peak[/]", f"[bold]{format_bytes(plan.peak_bytes)}[/]")
    console.print(memory, "")
    console.print(
        f"A step trains on {batch:,} tokens with {plan.step_flops / 1e9:,.1f} GFLOP in {plan.step_launches:,} launches; "
        f"{experiment.train.steps:,} steps are {experiment.train.steps * plan.step_flops:.2g} operations on "
        f"{experiment.train.steps * batch:,} tokens."
    )


def _tensors(console, title, rows):
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("name", "shape", "times", "elements", "bytes"):
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
