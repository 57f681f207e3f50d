"""The bigram model: a table of the logits of the next token for each token."""

from pygpt.models.model import Model
from pygpt.nn.layers import Embedding
from pygpt.nn.parameters import RngState
from pygpt.nn.settings_protocol import ModelSettings
from pygpt.tensor.tensor import Tensor


class Bigram(Model):
    """Row `t` of a V x V table holds the logits of the token after `t`; the context is one token."""

    help = "a table of the likely next tokens for each token"
    fields = frozenset(("kind", "block_size", "init_std", "init", "dtype"))

    def __init__(self, vocab_size: int, config: ModelSettings):
        super().__init__(vocab_size, config)
        self.table = Embedding(vocab_size, vocab_size, None, config.init_std)

    def logits(
        self,
        ids: Tensor,
        rng: RngState | None = None,
        cache: list[Tensor] | None = None,
        position: Tensor | None = None,
    ) -> Tensor:
        """ids (B, T) -> (B, T, V)."""
        return self.table(ids)

    @staticmethod
    def forward_flops(config: ModelSettings, batch_size: int, vocab_size: int) -> int:
        """Zero: the model only looks up rows of the table."""
        return 0

    @staticmethod
    def describe(config: ModelSettings, vocab_size: int) -> str:
        """Describe the sizes in a few words."""
        return f"a table of {vocab_size} x {vocab_size}"

    def new_cache(self) -> list[Tensor]:
        """An empty cache: the next token depends only on the newest one."""
        return []
