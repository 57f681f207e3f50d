"""`pygpt eval`: the loss over a whole validation text."""

import json
import math

from pygpt.cli.commands import Eval
from pygpt.data import load_text, make_corpus
from pygpt.evaluate import accuracy, full_loss
from pygpt.models.python_random import python_random
from pygpt.train import DeviceSplit
from pygpt.trained import load


def evaluate(command: Eval) -> int:
    """Print loss, perplexity and what they were measured on."""
    model = load(command.run, command.device)
    experiment, checkpoint = model.experiment, model.checkpoint
    text = load_text(command.data) if command.data else checkpoint.text or load_text(experiment.data.source)
    layout, block = experiment.data.layout, experiment.model.block_size
    if text.text is None:  # shards: those for validation fit into memory
        corpus = text.corpus(layout, block, model.tokenizer)
        val = corpus.val.all()
    else:
        corpus = make_corpus(text.text, model.tokenizer, layout, block, experiment.data.val_fraction, python_random(experiment))
        val = corpus.val
    split = DeviceSplit(model.device, val, corpus.layout, corpus.separator)
    loss, predictions = full_loss(model.model, split, experiment, model.device)
    found = {"text": text.name, "split": "validation", "predictions": predictions, "loss": loss,
             "perplexity": math.exp(loss), "step": model.step, "device": model.device.name}
    if corpus.separator is not None:
        found["accuracy"], found["questions"] = accuracy(model.model, split, experiment, model.device)
    if command.json:
        print(json.dumps(found))
    else:
        print(f"{text.name}: validation loss {loss:.4f}, perplexity {found['perplexity']:.2f}, "
              f"over {predictions:,} predictions (step {model.step:,}, {model.device.name})")
        if "accuracy" in found:
            print(f"right answers: {found['accuracy']:.1%} of {found['questions']:,} questions")
    return 0
