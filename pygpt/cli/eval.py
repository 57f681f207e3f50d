"""`pygpt eval`: what a model is worth on a whole validation text."""

import json

from rich.console import Console
from rich.table import Table

from pygpt.cli.commands import Eval
from pygpt.data import load_text, make_corpus
from pygpt.data.batches import DeviceSplit
from pygpt.inference.trained_model import load
from pygpt.models.python_random_init import python_random
from pygpt.training.evaluate import evaluate as measure
from pygpt.training.evaluate import perplexity

WORDS = {
    "uniform": "guessing blindly",
    "unigram": "token frequencies",
    "bigram": "pairs counted",
    "trigram": "triples counted",
}


def evaluate(command: Eval) -> int:
    """Print the losses of the model and of those who only count, and what they were measured on."""
    model = load(command.run, command.device)
    experiment, checkpoint = model.experiment, model.checkpoint
    text = load_text(command.data) if command.data else checkpoint.text or load_text(experiment.data.source)
    layout, block = experiment.data.layout, experiment.model.block_size
    if text.text is None:  # shards: those for validation fit into memory
        corpus = text.corpus(layout, block, model.tokenizer)
        train, val = None, corpus.val.all()
    else:
        corpus = make_corpus(
            text.text, model.tokenizer, layout, block, experiment.data.val_fraction, python_random(experiment)
        )
        train, val = corpus.train, corpus.val
    split = DeviceSplit(model.device, val, corpus.layout, corpus.separator)
    found = measure(model.model, model.tokenizer, train, val, split, experiment, model.device)
    if command.json:
        print(
            json.dumps(
                {
                    "text": text.name,
                    "split": "validation",
                    **found.to_dict(),
                    "step": model.step,
                    "device": model.device.name,
                }
            )
        )
        return 0
    print(
        f"{text.name}: validation loss {found.loss:.4f}, perplexity {found.perplexity:.2f}, {found.bits_per_byte():.4f} bits "
        f"per byte, over {found.predictions:,} predictions (step {model.step:,}, {model.device.name})"
    )
    if found.accuracy is not None:
        print(f"right answers: {found.accuracy:.1%} of {found.questions:,} questions")
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for heading in ("nats per token", "perplexity", "bits per byte"):
        table.add_column(heading, justify="right")
    rows = {**{WORDS[name]: loss for name, loss in found.baselines.items()}, "this model": found.loss}
    for name, loss in sorted(rows.items(), key=lambda row: -row[1]):
        table.add_row(name, f"{loss:.4f}", f"{perplexity(loss):,.2f}", f"{found.bits_per_byte(loss):.4f}")
    Console(highlight=False).print(table)
    return 0
