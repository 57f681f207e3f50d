"""What a run costs: its plan, memory and arithmetic, and measurements of devices and kernels."""
