"""The settings that layers and models read."""

import dataclasses
from typing import Protocol


@dataclasses.dataclass(frozen=True, match_args=False)  # a protocol of read-only attributes
class ModelSettings(Protocol):
    """The settings of a model that this folder and pygpt/models read. ModelConfig (pygpt/config/sections.py) defines
    them; it imports this folder, not the reverse."""

    kind: str
    n_layer: int
    n_head: int
    n_embd: int
    head_dim: int
    block_size: int
    dropout: float
    dropout_embedding: float
    dropout_attention: float
    bias: bool
    qkv_bias: bool
    tie_weights: bool
    init_std: float
    init: str
    norm: str
    norm_epsilon: float
    norm_place: str
    norm_scale: bool
    norm_embedding: bool
    norm_final: bool
    positions: str
    rope_base: float
    rope_scaling: str
    rope_factor: float
    rope_low_factor: float
    rope_high_factor: float
    rope_original_context: int
    mlp: str
    window: int
    qk_norm: bool
    qk_norm_scale: bool
    attention_cap: float
    attention_sinks: bool
    attention_gate: bool
    logit_cap: float

    @property
    def head_size(self) -> int:
        """Channels per head."""

    @property
    def heads_width(self) -> int:
        """Channels of all query heads together."""

    @property
    def kv_heads(self) -> int:
        """Key/value heads per block."""

    @property
    def qkv_size(self) -> int:
        """Channels of queries, keys and values together."""

    @property
    def hidden_size(self) -> int:
        """Width of the MLP."""

    @property
    def gated_mlp(self) -> bool:
        """Whether the MLP is gated."""
