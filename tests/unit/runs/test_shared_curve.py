"""The curve in a share link, and how far another run agrees with it."""

import pytest

from pygpt.errors import CheckpointError
from pygpt.runs.shared_curve import (
    MOST_POINTS,
    Agreement,
    SharedCurve,
    causes,
    common_digits,
    compare,
    comparison,
    means,
)
from pygpt.training.loss_curve import LossCurve

HERE = {"version": "0.1.0", "device": "numpy", "sha256": "ab" * 32}


def curve_of(losses) -> LossCurve:
    curve = LossCurve()
    for step, loss in enumerate(losses, 1):
        curve.add(step, loss)
    return curve


def falling(steps, offset=0.0):
    return [3 / (1 + step / 100) + (step * 7919 % 101) / 1000 + offset for step in range(1, steps + 1)]


@pytest.mark.parametrize(
    ("steps", "every", "points"),
    [(1, 1, 1), (200, 1, 200), (201, 2, 100), (2000, 10, 200), (2001, 12, 166), (9000, 48, 187)],
)
def test_a_curve_has_at_most_200_means_of_whole_rows(steps, every, points):
    losses = falling(steps)
    shared = SharedCurve.of(curve_of(losses))
    assert (shared.every, len(shared.losses)) == (every, points) and points <= MOST_POINTS
    for number, mean in enumerate(shared.losses):
        assert mean == pytest.approx(sum(losses[number * every : (number + 1) * every]) / every, rel=1e-6)
    assert SharedCurve.unpacked(shared.packed()) == shared
    assert len(shared.packed()) < 1080


@pytest.mark.parametrize("steps", [150, 2000, 5000])
def test_the_same_losses_agree_at_every_step_of_the_way(steps):
    losses = falling(steps)
    shared = SharedCurve.of(curve_of(losses))
    curve = LossCurve()
    for step, loss in enumerate(losses, 1):
        curve.add(step, loss)
        if step % 97 == 0 or step == steps:
            found = compare(shared, curve)
            assert found.parted is None and found.digits == 6
            assert found.steps == min(step // shared.every * shared.every, shared.steps)
    assert found.same


def test_it_says_how_many_digits_agree_and_where_curves_part():
    losses = falling(200)
    shared = SharedCurve.of(curve_of(losses))
    assert compare(shared, LossCurve()).sentence() == "nothing to compare yet"
    assert compare(shared, curve_of(losses)).sentence() == "the same to 6 digits for all 200 steps"
    assert compare(shared, curve_of(losses[:37])).sentence() == "the same to 6 digits for the first 37 of 200 steps"
    near = [loss * (1 + 2e-5 * (step > 50)) for step, loss in enumerate(losses, 1)]
    found = compare(shared, curve_of(near))
    assert found.same and found.sentence() == "the same to 5 digits for all 200 steps, and to 6 digits up to step 50"
    far = [2.4498 if step == 37 else loss for step, loss in enumerate(losses, 1)]
    shared = SharedCurve.of(curve_of([2.4512 if step == 37 else loss for step, loss in enumerate(losses, 1)]))
    found = compare(shared, curve_of(far))
    assert found.complete and not found.same and found.steps == 36
    assert found.sentence() == "differs from step 37 on: 2.4512 there, 2.4498 here"


def test_means_that_differ_are_named_by_their_steps():
    losses = falling(2000)
    shared = SharedCurve.of(curve_of(losses))
    found = compare(shared, curve_of([*losses[:364], *falling(2000, 0.5)[364:]]))
    assert found.parted == (361, 370)
    assert found.sentence().startswith("differs from steps 361 to 370 on: a mean loss of ")


@pytest.mark.parametrize(
    ("left", "right", "digits"),
    [
        (2.4512, 2.4498, 3),
        (2.45124, 2.45123, 5),
        (2.451234, 2.451238, 6),
        (1, 2, 0),
        (0.0012345, 0.0012346, 4),
        (0, 0, 6),
        (5, -5, 0),
        (9.99999, 10.0, 6),
    ],
)
def test_digits_in_common(left, right, digits):
    assert common_digits(left, right) == common_digits(right, left) == digits


def test_a_curve_with_a_gap_ends_before_it():
    curve = LossCurve([(1, 3.0, 1), (2, 2.5, 1), (4, 2.0, 1)])
    assert means(curve, 1) == [3.0, 2.5]
    assert means(LossCurve([(4, 3.0, 4)]), 2) == []
    with pytest.raises(CheckpointError, match="no losses from its first step on"):
        SharedCurve.of(LossCurve([(10, 2.0, 5)]))


def test_the_causes_that_a_link_tells_are_named():
    assert causes(HERE, HERE) == "version, kind of device and text are the same"
    other = {"version": "0.2.0", "device": "webgpu", "sha256": "ab" * 32}
    assert causes(other, HERE) == "there it was pygpt 0.2.0, on webgpu, here it is pygpt 0.1.0, on numpy"
    assert causes(HERE | {"sha256": "cd" * 32}, HERE).endswith("here it is the text with SHA-256 abababababab…")
    assert causes(HERE | {"device": ""}, HERE) == ""
    parted = Agreement(36, 200, 6, 36, (37, 37), 2.4512, 2.4498)
    assert comparison(parted, other, HERE) == (
        "Differs from step 37 on: 2.4512 there, 2.4498 here; there it was pygpt 0.2.0, on webgpu, here it is pygpt "
        "0.1.0, on numpy."
    )
    assert comparison(Agreement(200, 200, 6, 200), other, HERE) == "The same to 6 digits for all 200 steps."
