"""What the presets of tasks reach on NumPy: the share of right answers over all questions held back, and when it was 99 %."""

import time

from pygpt.config.experiment import Experiment
from pygpt.data import load_text
from pygpt.devices import open_device
from pygpt.tokenizers import split_documents
from pygpt.training.evaluate import accuracy
from pygpt.training.run import Run

PRESETS = ("reverse", "sort", "addition")


def measure(options):
    """Print each preset's evaluations, and its answers to every question of the validation part."""
    for name in PRESETS:
        if options.wants_size(name):
            _measure(name, Experiment.preset(name))


def _measure(name, experiment):
    device, text = open_device("numpy"), load_text(experiment.data.source)
    run = Run(experiment, text, device)
    print(
        f"{name}: {experiment.data.source}, such as {split_documents(text.text)[0]}; {run.model.parameter_count:,} parameters, "
        f"{experiment.train.steps:,} steps of {experiment.train.batch_size} questions",
        flush=True,
    )
    began, cpu = time.perf_counter(), time.process_time()
    for event in run.train():
        if event.kind == "evaluation":
            metric = run.take_metrics(device.read(run.metrics_tensor))[-1]
            print(
                f"  step {metric.step:>5,}  validation loss {metric.val_loss:.4f}  right answers {metric.accuracy:6.1%}  "
                f"{time.perf_counter() - began:4.0f} s",
                flush=True,
            )
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    share, questions = accuracy(run.model, run.val_batches)
    print(
        f"  right answers to all {questions:,} questions held back: {share:.2%}; {took:.0f} s of training, {cpu:.0f} s of processor "
        f"time, {device.name}",
        flush=True,
    )
