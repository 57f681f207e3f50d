"""Muon: momentum whose direction is made orthogonal, for the matrices inside blocks."""

import math

from pygpt.ops import clip_scale, divide, matmul, scale, square_sum
from pygpt.optim.rules import Rule, add_momentum, descend
from pygpt.tensor.tensor import Tensor


class Muon(Rule):
    """Momentum, orthogonalised. Its weight decay is AdamW's. Source: see `orthogonalise`."""

    help = "orthogonalised momentum for the matrices inside blocks, AdamW for the rest"
    needs_blocks = True

    def takes(self, name, shape):
        return "blocks" in name.split(".") and len(shape) == 2

    def state(self, config):
        return ("velocity",) if config.momentum else ()

    def update(self, optimizer, span, clip):
        if optimizer.config.momentum:
            add_momentum(optimizer, span, clip, 0.0)
        for name in span.names:
            orthogonalise(optimizer.gradients[name])
        descend(optimizer, span, optimizer.one, optimizer.config.weight_decay)


def orthogonalise(matrix: Tensor) -> None:
    """Write over a matrix (M, N) about the nearest one whose rows or columns are orthogonal, of a root mean square of 0.2.

    Five steps of a polynomial that moves every singular value to between 0.7 and 1.2; the more exact one converges far
    slower. 0.2 is about what AdamW's steps have, so that one learning rate fits both.
    Source: Jordan et al., "Muon" (2024), kellerjordan.github.io/posts/muon, for the polynomial; Liu et al., "Muon is
        Scalable for LLM Training", arXiv 2502.16982, section 2.2, for the scale.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    _, norm = clip_scale(square_sum(matrix), max_norm=0.0)
    x = divide(matrix, norm, epsilon=1e-7)
    for left in reversed(range(5)):
        last = 1.0 if left else 0.2 * math.sqrt(max(matrix.shape))
        a, b, c = 3.4445 * last, -4.7750 * last, 2.0315 * last
        gram = matmul(x, x, transpose_w=True) if wide else matmul(x, x, transpose_x=True)
        mixed = matmul(scale(gram, factor=c), gram, None, scale(gram, factor=b))  # b gram + c gram gram
        product = (mixed, x) if wide else (x, mixed)
        x = matmul(*product, None, scale(x, factor=a), out=None if left else matrix)
