"""Training: the step on the device, the run around it, what it measures, and the driver."""
