"""Tensors and the tape, kernels, capture, and WGSL sources."""
