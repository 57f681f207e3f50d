"""Position schemes, and their registry for `model.positions`."""

import dataclasses
import math
from collections.abc import Callable, Mapping

from pygpt.nn.parameters import Constant, new_parameter
from pygpt.nn.settings_protocol import ModelSettings
from pygpt.ops.rope import rope_table
from pygpt.tensor.tensor import Tensor


def sinusoids(length: int, size: int) -> list[float]:
    """Sines and cosines of each position, at wavelengths from 2 pi to 10,000 times 2 pi: (length, size), flat.

    Source: Vaswani et al., "Attention Is All You Need", arXiv 1706.03762, section 3.5.
    """
    table = []
    for position in range(length):
        for channel in range(size):
            angle = position / 10000.0 ** ((channel - channel % 2) / size)
            table.append(math.cos(angle) if channel % 2 else math.sin(angle))
    return table


@dataclasses.dataclass(frozen=True)
class PositionScheme:
    """A choice of `model.positions`: a help text, and the three places where a scheme can act.

    `embedding(config)` is the table (T, C) that is added to the token embeddings, learned or constant, or None;
    `rotation(config)` the table (T, D) by which attention rotates queries and keys, or None; `attention` are attributes
    of the attention kernels. `check(config)` returns why a ModelConfig does not fit the scheme, or "".
    """

    help: str
    embedding: Callable[[ModelSettings], Tensor | Constant | None] = lambda config: None
    rotation: Callable[[ModelSettings], Constant | None] = lambda config: None
    attention: Mapping[str, bool] = dataclasses.field(default_factory=dict)
    check: Callable[[ModelSettings], str] = lambda config: ""


def _learned(config: ModelSettings) -> Tensor:
    return new_parameter((config.block_size, config.n_embd), std=config.init_std)


def _sinusoidal(config: ModelSettings) -> Constant:
    shape = (config.block_size, config.n_embd)
    return Constant(shape, lambda: sinusoids(*shape))


def _rotary(config: ModelSettings) -> Constant:
    shape = (config.block_size, config.head_size)
    scaling = ROPE_SCALINGS[config.rope_scaling]
    return Constant(shape, lambda: rope_table(*shape, config.rope_base, lambda length: scaling.scaled(length, config)))


def _check_rotary(config: ModelSettings) -> str:
    if config.head_size % 2:
        return (
            f"rope rotates pairs of channels, but a head has {config.head_size} (model.head_dim, or model.n_embd "
            f"{config.n_embd} / model.n_head {config.n_head}); choose sizes that give an even number, or other "
            f"positions"
        )
    if config.rope_scaling == "llama3" and config.rope_low_factor >= config.rope_high_factor:
        return (
            f"llama3 scaling needs model.rope_low_factor {config.rope_low_factor:g} below model.rope_high_factor "
            f"{config.rope_high_factor:g}"
        )
    return ""


@dataclasses.dataclass(frozen=True)
class RopeScaling:
    """A choice of `model.rope_scaling`: a help text, and a function of (wavelength / 2 pi, config) that scales it."""

    help: str
    scaled: Callable[[float, ModelSettings], float]


def _llama3(length: float, config: ModelSettings) -> float:
    """Long waves are scaled, short ones are not, and those between are interpolated.

    Source: meta-llama/llama-models, apply_scaling in models/llama3/reference_impl/model.py.
    """
    turns = config.rope_original_context / (2 * math.pi * length)  # in the original context
    share = (turns - config.rope_low_factor) / (config.rope_high_factor - config.rope_low_factor)
    share = min(max(share, 0.0), 1.0)
    return length / ((1 - share) / config.rope_factor + share)


ROPE_SCALINGS = {
    "none": RopeScaling("not scaled", lambda length, config: length),
    "linear": RopeScaling("all wavelengths times rope_factor", lambda length, config: length * config.rope_factor),
    "llama3": RopeScaling("only long wavelengths times rope_factor, as in Llama 3.1", _llama3),
}


POSITIONS = {
    "learned": PositionScheme("a learned embedding of each position", embedding=_learned),
    "sinusoidal": PositionScheme("fixed sines and cosines of each position", embedding=_sinusoidal),
    "rope": PositionScheme("queries and keys rotated by their position", rotation=_rotary, check=_check_rotary),
    "alibi": PositionScheme("attention scores lowered by distance", attention={"alibi": True}),
    "none": PositionScheme("no position information beyond the causal mask"),
}
