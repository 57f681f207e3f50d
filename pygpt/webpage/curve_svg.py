"""The loss curve of a run as inline SVG, in the colours of page.css; the labels of its axes are HTML around it."""

from collections.abc import Sequence

from pygpt.training.loss_curve import LossCurve

MOST_POINTS = 300
SMOOTHING = 0.1  # weight of a new point in the solid line
_WIDTH, _HEIGHT = 1000, 300  # of the drawing, which is stretched to its place

Points = Sequence[tuple[float, float]]


def curve_svg(curve: LossCurve) -> str:
    """The section of the page with the curve, or "" if there are no losses."""
    training = _thinned([(step, loss) for step, loss, _ in curve.training])
    validation = _thinned([(step, loss) for step, loss, _ in curve.validation])
    everything = [*training, *validation]
    if len(everything) < 2:
        return ""
    last = max(step for step, _ in everything)
    lowest, highest = (edge(loss for _, loss in everything) for edge in (min, max))

    def line(points: Points, name: str) -> str:
        places = (
            (_WIDTH * step / (last or 1), _HEIGHT * (highest - loss) / (highest - lowest or 1)) for step, loss in points
        )
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        return f'<polyline class="{name}" points="{drawn}" vector-effect="non-scaling-stroke"/>' if points else ""

    lines = line(training, "training") + line(_smoothed(training), "smoothed") + line(validation, "validation")
    caption = "Lower is better."
    if validation:
        caption = f"Dashed: the loss on unseen text, {validation[-1][1]:.3f} at the end. {caption}"
    if training:
        caption = f"Solid: the training loss, {_smoothed(training)[-1][1]:.3f} at the end. {caption}"
    return (
        '<section aria-labelledby="curve-title">\n<h2 id="curve-title">How it learned</h2>\n<figure>\n'
        '<div class="curve">'
        f'<div class="up" aria-hidden="true"><span>{highest:.2f}</span><span>{lowest:.2f}</span></div>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="Loss by training step. {caption}">{lines}</svg>'
        f'<div class="across" aria-hidden="true"><span>step 0</span><span>{last:,.0f}</span></div></div>\n'
        f"<figcaption>{caption}</figcaption>\n</figure>\n</section>"
    )


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most MOST_POINTS points: means of neighbours."""
    every = -(-len(points) // MOST_POINTS)
    groups = (points[start : start + every] for start in range(0, len(points), every or 1))
    return [(group[-1][0], sum(loss for _, loss in group) / len(group)) for group in groups]


def _smoothed(points: Points) -> Points:
    """The double moving average of the points, which does not lag behind a steep descent (see lab/state/curves.js)."""
    averages = []
    once = twice = points[0][1] if points else 0.0
    for step, loss in points:
        once += SMOOTHING * (loss - once)
        twice += SMOOTHING * (once - twice)
        averages.append((step, 2 * once - twice))
    return averages
