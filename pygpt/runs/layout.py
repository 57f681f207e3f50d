"""The files in the folder of a run, on a disk as in a browser.

experiment.toml      the settings, as `pygpt train` reads them
metrics.jsonl        a line for each logged step and each evaluation
samples.jsonl        what the model wrote during training: {"step": 40, "text": "..."} (runs of the lab)
model.safetensors    the newest checkpoint, with what it takes to train on
checkpoints/         the weights alone at earlier steps, such as checkpoints/1260.safetensors (see checkpoint_series.py)
tokenizer.json       a BPE tokenizer
about.json           name, notes and star, what differs from the parent, state (runs of the lab)
"""

import re

MODEL_FILE = "model.safetensors"
EXPERIMENT_FILE = "experiment.toml"
METRICS_FILE = "metrics.jsonl"
SAMPLES_FILE = "samples.jsonl"
TOKENIZER_FILE = "tokenizer.json"
ABOUT_FILE = "about.json"
QUEUE_FILE = "queue.json"  # beside the folders: the runs that wait to be trained in a session
CHECKPOINTS_FOLDER = "checkpoints"
RUN_FILES = (EXPERIMENT_FILE, METRICS_FILE, SAMPLES_FILE, MODEL_FILE, TOKENIZER_FILE, ABOUT_FILE)  # without checkpoints

_CHECKPOINT = re.compile(r"(0|[1-9]\d*)\.safetensors")


def checkpoint_file(step: int) -> str:
    """The file with the weights at a step, from the run's folder."""
    return f"{CHECKPOINTS_FOLDER}/{step}.safetensors"


def checkpoint_step(name: str) -> int | None:
    """The step of a file in CHECKPOINTS_FOLDER, or None if it is none of a checkpoint."""
    found = _CHECKPOINT.fullmatch(name)
    return int(found[1]) if found else None
