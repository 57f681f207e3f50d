"""The rules by which a kernel with several shaders chooses one for a launch."""

import dataclasses
from collections.abc import Callable
from typing import Any

from pygpt.devices.base import Device

Workgroup = tuple[int, int, int]
ThreadsRule = Callable[..., int | tuple[int, ...]]
FitsRule = Callable[..., bool]
TurnsRule = Callable[..., int]

# Mesa's lavapipe ends the loops of an invocation after 65,535 turns, counted over all of them, without an error
# (measured with Mesa 22.3: a softmax over 21,846 elements was wrong). On a software renderer no shader may turn more
# often than this; half of it leaves room for what the rules do not count, such as short loops inside loops.
MOST_TURNS = 1 << 15


@dataclasses.dataclass(frozen=True)
class Variant:
    """Another shader of a kernel: when it fits, its @workgroup_size, and how many invocations it needs."""

    fits: FitsRule
    workgroup: Workgroup
    threads: ThreadsRule


def is_hardware(device: Device, *operands: object, **attributes: object) -> bool:
    """Whether the device is a real GPU: thousands of invocations, workgroup memory is worth its barriers."""
    return not device.software


def is_hardware_or_long(turns: TurnsRule) -> FitsRule:
    """Return a rule for a shader that shares the loops among invocations: it fits a real GPU, and a software renderer
    where the kernel's own shader would turn more than MOST_TURNS times.

    `turns` is a function of all operands and attributes: the turns of all loops in one invocation of that shader.
    """

    def fits(device: Device, *operands: Any, **attributes: Any) -> bool:
        return not device.software or turns(*operands, **attributes) > MOST_TURNS

    return fits
