"""The bigram model: a table that says, for each token, how likely each next one is."""

from pygpt.nn.layers import Chance, Embedding, Module
from pygpt.ops import cross_entropy
from pygpt.tensor.tensor import Tensor


class Bigram(Module):
    """Row `t` of a V x V table holds the logits of what follows token `t`; there is no context beyond one token."""

    def __init__(self, vocab_size: int, config):
        self.vocab_size = vocab_size
        self.block_size = config.block_size
        self.table = Embedding(vocab_size, vocab_size, None, config.init_std)

    def logits(
        self,
        ids: Tensor,
        chance: Chance | None = None,
        cache: list[Tensor] | None = None,
        position: Tensor | None = None,
    ) -> Tensor:
        """ids (B, T) -> (B, T, V)."""
        return self.table(ids)

    def losses(self, ids: Tensor, targets: Tensor, chance: Chance | None = None, **options: float) -> Tensor:
        """ids, targets (B, T) -> the loss of each prediction, (B T,). Options: those of `cross_entropy`."""
        return cross_entropy(self.logits(ids), targets, **options)[0]

    def new_cache(self) -> list[Tensor]:
        """Nothing: what follows depends on the newest token alone."""
        return []
