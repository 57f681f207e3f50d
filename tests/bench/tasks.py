"""Measure the accuracy of the task presets on NumPy: at each evaluation, and over all held-out questions at the end.

mingpt-addition and mingpt-sort have the lines of minGPT's projects/adder and demo.ipynb, and the size of its gpt-nano;
all else is as in the presets addition and sort.
"""

import time

from pygpt.config.experiment import Experiment
from pygpt.data import load_text
from pygpt.devices import open_device
from pygpt.tokenizers import split_documents
from pygpt.training.evaluate import accuracy
from pygpt.training.run import Run

PRESETS = ("reverse", "sort", "addition")
MINGPT = {"model.n_layer": 3, "model.n_head": 3, "model.n_embd": 48, "train.steps": 1500}  # its gpt-nano
ADDER = {"data.source": "task:addition,format=mingpt", "data.val_fraction": 0.1, "model.block_size": 8}
SORTER = {"data.source": "task:sort,format=mingpt", "model.block_size": 13}
EXPERIMENTS = {
    **{name: Experiment.preset(name) for name in PRESETS},
    "mingpt-addition": Experiment.preset("addition").with_fields(**MINGPT, **ADDER),
    "mingpt-sort": Experiment.preset("sort").with_fields(**MINGPT, **SORTER),
}


def measure(options):
    """Print each preset's evaluations, and its accuracy over all questions of the validation split."""
    for name, experiment in EXPERIMENTS.items():
        if options.wants_size(name):
            _measure(name, experiment)


def _measure(name, experiment):
    device, text = open_device("numpy"), load_text(experiment.data.source)
    run = Run(experiment, text, device)
    print(
        f"{name}: {experiment.data.source}, such as {split_documents(text.text)[0]}; {run.model.parameter_count:,} "
        f"parameters, {experiment.train.steps:,} steps of {experiment.train.batch_size} questions",
        flush=True,
    )
    start, cpu_start = time.perf_counter(), time.process_time()
    for event in run.train():
        if event.kind == "evaluation":
            metric = run.take_metrics(device.read(run.metrics_tensor))[-1]
            print(
                f"  step {metric.step:>5,}  validation loss {metric.val_loss:.4f}  accuracy {metric.accuracy:6.1%}  "
                f"{time.perf_counter() - start:4.0f} s",
                flush=True,
            )
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    share, questions = accuracy(run.model, run.val_batches)
    print(
        f"  accuracy over all {questions:,} held-out questions: {share:.2%}; {seconds:.0f} s of training, "
        f"{cpu_seconds:.0f} s of CPU time, {device.name}",
        flush=True,
    )
