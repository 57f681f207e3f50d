"""The base class of the models."""

from abc import ABC, abstractmethod
from typing import ClassVar

from pygpt.nn.parameters import Module, RngState
from pygpt.nn.settings_protocol import ModelSettings
from pygpt.ops import cross_entropy
from pygpt.tensor.tensor import Tensor


class Model(Module, ABC):
    """A language model: it computes the logits of the token after each token of a sequence.

    `help` is the help text of its entry in MODELS, `fields` the ModelConfig fields it uses (None: all), and
    `has_blocks` says whether it is made of `n_layer` equal blocks.
    """

    help: ClassVar[str]
    fields: ClassVar[frozenset[str] | None] = None
    has_blocks: ClassVar[bool] = False

    def __init__(self, vocab_size: int, config: ModelSettings):
        self.vocab_size, self.block_size = vocab_size, config.block_size

    @abstractmethod
    def logits(
        self,
        ids: Tensor,
        rng: RngState | None = None,
        cache: list[Tensor] | None = None,
        position: Tensor | None = None,
    ) -> Tensor:
        """ids (B, T) -> (B, T, V). With a cache, ids (1, 1) is the token at `position`, (1,)."""

    def losses(
        self, ids: Tensor, targets: Tensor, rng: RngState | None = None, smoothing: float = 0.0, z_loss: float = 0.0
    ) -> Tensor:
        """ids, targets (B, T) -> the loss of each prediction, (B T,). For the options see `cross_entropy`."""
        return cross_entropy(self.logits(ids, rng), targets, smoothing=smoothing, z_loss=z_loss)[0]

    def new_cache(self) -> list[Tensor] | None:
        """Allocate a cache for sampling. None, the default: each token is computed from the whole window."""
        return None

    def fill_cache(self, ids: Tensor, cache: list[Tensor]) -> None:
        """Fill the cache with the first tokens of a sequence, ids (1, T)."""

    @staticmethod
    @abstractmethod
    def forward_flops(config: ModelSettings, batch_size: int, vocab_size: int) -> int:
        """Floating-point operations of the matrix products in a forward pass over a batch."""

    @staticmethod
    @abstractmethod
    def describe(config: ModelSettings, vocab_size: int) -> str:
        """Describe the sizes in a few words."""
