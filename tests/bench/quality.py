"""Train `bigram` and `small` on Tiny Shakespeare on NumPy, and draw the curve of `small` for the README."""

import time
from pathlib import Path

from pygpt.config.experiment import Experiment
from pygpt.config.sampling import SamplingConfig
from pygpt.data import load_text
from pygpt.devices import open_device
from pygpt.inference.generate import generate
from pygpt.training.evaluate import full_loss
from pygpt.training.run import Run

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "small_curve.svg"
WIDTH, HEIGHT, LEFT, BOTTOM = 720, 300, 48, 32


def measure():
    """Print the losses and a sample, and draw docs/small_curve.svg."""
    device, text = open_device("numpy"), load_text("shakespeare")
    for preset in ("bigram", "small"):
        run = Run(Experiment.preset(preset), text, device)
        start, metrics = time.perf_counter(), []
        for event in run.train():
            if event.kind == "evaluation":
                metrics += run.take_metrics(device.read(run.metrics_tensor))
        seconds = time.perf_counter() - start
        for metric in metrics:
            if metric.val_loss is not None:
                print(f"{preset:<8}step {metric.step:>5}  validation loss {metric.val_loss:.4f}")
        loss, predictions = full_loss(run.model, run.val_batches)
        print(
            f"{preset:<8}whole validation split, {predictions:,} predictions: {loss:.4f}  ({seconds:.0f} s of training)"
        )
    print(
        "\nROMEO:" + "".join(generate(run.model, run.tokenizer, "ROMEO:", 400, SamplingConfig(temperature=0.8, seed=1)))
    )
    PICTURE.write_text(curve(metrics))
    print(f"\n{PICTURE} drawn")


def curve(metrics):
    """Draw an SVG of the training losses, smoothed over 20 steps, and the validation losses."""
    steps = metrics[-1].step
    low, high = 1.4, 4.4

    def place(step, loss):
        x = LEFT + step / steps * (WIDTH - LEFT - 12)
        return f"{x:.1f},{12 + (high - loss) / (high - low) * (HEIGHT - BOTTOM - 12):.1f}"

    losses = [(m.step, m.loss) for m in metrics if m.loss is not None]
    smooth = [
        (losses[i][0], sum(loss for _, loss in losses[max(0, i - 19) : i + 1]) / min(i + 1, 20))
        for i in range(0, len(losses), 5)
    ]
    validation = [(m.step, m.val_loss) for m in metrics if m.val_loss is not None]
    lines = "".join(
        f'<path d="M{place(0, y)} L{place(steps, y)}" stroke="#8884" fill="none"/>'
        f'<text x="{LEFT - 8}" y="{place(0, y).split(",")[1]}" dy="4" text-anchor="end">{y:.1f}</text>'
        for y in (1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
    )
    marks = "".join(
        f'<text x="{place(x, low).split(",")[0]}" y="{HEIGHT - 10}" text-anchor="middle">{x:,}</text>'
        for x in range(0, steps + 1, steps // 4)
    )
    dots = "".join('<circle cx="{}" cy="{}" r="3.5"/>'.format(*place(*point).split(",")) for point in validation)
    train = " ".join(place(*point) for point in smooth)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="#777">{lines}{marks}'
        f'<polyline points="{train}" fill="none" stroke="#3b50d0" stroke-width="1.5"/>'
        f'<g fill="#e07b39">{dots}</g><text x="{WIDTH - 12}" y="24" text-anchor="end">small on Tiny Shakespeare: '
        f'<tspan fill="#3b50d0">training loss</tspan>, <tspan fill="#e07b39">validation loss</tspan></text></svg>\n'
    )
