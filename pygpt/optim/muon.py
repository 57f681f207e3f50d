"""Muon: momentum with an orthogonalised direction, for the matrices inside blocks."""

import math

from pygpt.ops import clip_scale, divide, matmul, scale, square_sum
from pygpt.optim.flat_state import Span
from pygpt.optim.rules import OptimizerLike, Rule, add_momentum, apply_step
from pygpt.optim.settings_protocol import OptimSettings
from pygpt.tensor.tensor import Shape, Tensor


class Muon(Rule):
    """Orthogonalised momentum with AdamW's weight decay. Source: see `orthogonalise`."""

    help = "orthogonalised momentum for the matrices inside blocks, AdamW for the rest"
    needs_blocks = True

    def handles(self, name: str, shape: Shape) -> bool:
        return "blocks" in name.split(".") and len(shape) == 2

    def state(self, config: OptimSettings) -> tuple[str, ...]:
        return ("velocity",) if config.momentum else ()

    def update(self, optimizer: OptimizerLike, span: Span, clip: Tensor) -> None:
        if optimizer.config.momentum:
            add_momentum(optimizer, span, clip, 0.0)
        for name in span.names:
            orthogonalise(optimizer.gradients[name])
        apply_step(optimizer, span, optimizer.one, optimizer.config.weight_decay)


def orthogonalise(matrix: Tensor) -> None:
    """Replace a matrix (M, N) by about the nearest one with orthogonal rows or columns and a root mean square of 0.2.

    Five steps of a polynomial move every singular value to between 0.7 and 1.2; a more exact polynomial converges far
    slower. AdamW's steps have a root mean square of about 0.2 too, so one learning rate fits both.
    Source: Jordan et al., "Muon" (2024), kellerjordan.github.io/posts/muon, for the polynomial; Liu et al., "Muon is
        Scalable for LLM Training", arXiv 2502.16982, section 2.2, for the scale.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    _, norm = clip_scale(square_sum(matrix), max_norm=0.0)
    x = divide(matrix, norm, epsilon=1e-7)
    for remaining in reversed(range(5)):
        gain = 1.0 if remaining else 0.2 * math.sqrt(max(matrix.shape))
        a, b, c = 3.4445 * gain, -4.7750 * gain, 2.0315 * gain
        gram = matmul(x, x, transpose_w=True) if wide else matmul(x, x, transpose_x=True)
        mixed = matmul(scale(gram, factor=c), gram, None, scale(gram, factor=b))  # b gram + c gram gram
        product = (mixed, x) if wide else (x, mixed)
        x = matmul(*product, None, scale(x, factor=a), out=None if remaining else matrix)
