"""`pygpt eval`: evaluate a model on a whole validation split."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from pygpt.cli.flags import DeviceChoice, check_source, optional
from pygpt.cli.output import PlainConsole
from pygpt.utils.json_text import json_text

BASELINES = {
    "uniform": "uniform guess",
    "unigram": "token frequencies",
    "bigram": "bigram frequencies",
    "trigram": "trigram frequencies",
}


@dataclasses.dataclass
class EvalCommand:
    """Measure a trained model's loss on the whole validation split of a text; of a document longer than the context,
    on the part that fits."""

    model_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(name="run", metavar="DIR")]
    """folder that `pygpt train` wrote, or a file saved by the lab"""
    data: Annotated[str | None, optional("NAME|FILE")] = None
    """name of a data set, or path of a text file (default: the text the model was trained on; an imported
    model needs one)"""
    json: bool = False
    """print one JSON object"""
    device: DeviceChoice = "auto"
    """device to compute on"""

    def run(self) -> int:
        """Print the losses of the model and of the n-gram baselines, and the text they were measured on."""
        from pygpt.data import load_text
        from pygpt.inference.trained_model import load
        from pygpt.training.evaluate import evaluate_text, perplexity

        check_source(self.data)
        model = load(self.model_folder, self.device)
        text = load_text(self.data) if self.data else model.checkpoint.training_text()
        result = evaluate_text(model, text)
        if self.json:
            source = {"text": text.name, "split": "validation"}
            print(json_text({**source, **result.to_dict(), "step": model.step, "device": model.device.name}))
            return 0
        print(
            f"{text.name}: validation loss {result.loss:.4f}, perplexity {result.perplexity:.2f}, "
            f"{result.bits_per_byte():.4f} bits per byte, over {result.predictions:,} predictions "
            f"(step {model.step:,}, {model.device.name})"
        )
        if result.cut:
            print(f"{result.cut}.")
        if result.accuracy is not None:
            print(f"correct answers: {result.accuracy:.1%} of {result.questions:,} questions")
        table = Table(box=None, pad_edge=False)
        table.add_column("")
        for heading in ("nats per token", "perplexity", "bits per byte"):
            table.add_column(heading, justify="right")
        rows = {**{BASELINES[name]: loss for name, loss in result.baselines.items()}, "this model": result.loss}
        for name, loss in sorted(rows.items(), key=lambda row: -row[1]):
            table.add_row(name, f"{loss:.4f}", f"{perplexity(loss):,.2f}", f"{result.bits_per_byte(loss):.4f}")
        PlainConsole().print(table)
        return 0
