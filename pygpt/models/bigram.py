"""The bigram model: a table of the logits of the next token for each token."""

from pygpt.nn.layers import Embedding
from pygpt.nn.parameters import Module, RngState
from pygpt.ops import cross_entropy
from pygpt.tensor.tensor import Tensor


class Bigram(Module):
    """Row `t` of a V x V table holds the logits of the token after `t`; the context is one token."""

    help = "a table of the likely next tokens for each token"
    fields = frozenset(("kind", "block_size", "init_std", "init", "dtype"))
    has_blocks = False

    def __init__(self, vocab_size: int, config):
        self.vocab_size = vocab_size
        self.block_size = config.block_size
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

    def losses(self, ids: Tensor, targets: Tensor, rng: RngState | None = None, **options: float) -> Tensor:
        """ids, targets (B, T) -> the loss of each prediction, (B T,). Options: those of `cross_entropy`."""
        return cross_entropy(self.logits(ids), targets, **options)[0]

    @staticmethod
    def forward_flops(config, batch_size: int, vocab_size: int) -> int:
        """Zero: the model only looks up rows of the table."""
        return 0

    @staticmethod
    def describe(config, vocab_size: int) -> str:
        """Describe the sizes in a few words."""
        return f"a table of {vocab_size} x {vocab_size}"

    def new_cache(self) -> list[Tensor]:
        """An empty cache: the next token depends only on the newest one."""
        return []
