"""Training: steps on the device, runs, metrics, evaluation, and the training loop."""
