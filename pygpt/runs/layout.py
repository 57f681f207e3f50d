"""The files in the folder of a run, on a disk as in a browser.

experiment.toml      the settings, as `pygpt train` reads them
metrics.jsonl        a line for each logged step and each evaluation
samples.jsonl        what the model wrote during training: {"step": 40, "text": "..."} (runs of the lab)
model.safetensors    the newest checkpoint
tokenizer.json       a BPE tokenizer
about.json           name, notes and star, what differs from the parent, state (runs of the lab)
"""

MODEL_FILE = "model.safetensors"
EXPERIMENT_FILE = "experiment.toml"
METRICS_FILE = "metrics.jsonl"
SAMPLES_FILE = "samples.jsonl"
TOKENIZER_FILE = "tokenizer.json"
ABOUT_FILE = "about.json"
