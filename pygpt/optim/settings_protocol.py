"""The settings that optimizers and schedules read."""

import dataclasses
from typing import Protocol


@dataclasses.dataclass(frozen=True, match_args=False)  # a protocol of read-only attributes
class OptimSettings(Protocol):
    """The settings of a run that this folder reads. OptimConfig (pygpt/config/sections.py) defines them; it imports
    this folder, not the reverse."""

    name: str
    learning_rate: float
    min_learning_rate: float
    schedule: str
    fall_every: int
    fall_factor: float
    warmup_steps: int
    weight_decay: float
    decay_groups: str
    momentum: float
    nesterov: bool
    beta1: float
    beta2: float
    epsilon: float
    ema: float
    grad_clip: float
