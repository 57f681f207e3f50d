"""The bigram model: a table that says, for each token, how likely each next one is."""

from pygpt.nn.layers import Embedding
from pygpt.nn.parameters import Module, RngState
from pygpt.ops import cross_entropy
from pygpt.tensor.tensor import Tensor


class Bigram(Module):
    """Row `t` of a V x V table holds the logits of what follows token `t`; there is no context beyond one token."""

    help = "a table of which token follows which"
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
        """None: a row of the table is looked up, nothing is multiplied."""
        return 0

    @staticmethod
    def describe(config, vocab_size: int) -> str:
        """Its sizes, in a few words."""
        return f"a table of {vocab_size} x {vocab_size}"

    def new_cache(self) -> list[Tensor]:
        """Nothing: what follows depends on the newest token alone."""
        return []
