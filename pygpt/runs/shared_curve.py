"""The loss curve in a share link, and how far another run agrees with it.

A curve has at most MOST_POINTS numbers: the mean training losses of `every` steps each, from the first step on. Both a
run that is under way and one that was saved have these means (see LossCurve), to the same bits for the same losses. In
a link it is `every`, a point, and the numbers as little-endian float32 in base64url: 200 numbers take 1,070 characters.
"""

import base64
import dataclasses
import math
import struct
from array import array

from pygpt.errors import CheckpointError, ExperimentError
from pygpt.training.loss_curve import LossCurve

MOST_POINTS = 200
DIGITS = 6  # a float32 has seven; the last is rounding
ALIKE = 4  # digits; with fewer in common, two losses differ
_MOST_EVERY = 10_000_000
_LONGEST = 40_000  # characters of a curve that is read


@dataclasses.dataclass(frozen=True)
class SharedCurve:
    """The mean training losses of each `every` steps, from the first step on."""

    every: int
    losses: tuple[float, ...]

    @property
    def steps(self) -> int:
        """The steps that the curve covers."""
        return self.every * len(self.losses)

    @staticmethod
    def of(curve: LossCurve) -> "SharedCurve":
        """The curve of a run. Raises: CheckpointError if its losses do not begin with its first step."""
        points = curve.last_step / curve.stride
        every = curve.stride * max(1, math.ceil(points / MOST_POINTS))
        losses = means(curve, every)
        if not losses:
            raise CheckpointError(
                "the run has no losses from its first step on, so a link cannot hold its curve: share it without"
            )
        return SharedCurve(every, tuple(array("f", losses)))

    def packed(self) -> str:
        """The curve in a link."""
        data = struct.pack(f"<{len(self.losses)}f", *self.losses)
        return f"{self.every}.{base64.urlsafe_b64encode(data).decode().rstrip('=')}"

    @staticmethod
    def unpacked(word: str) -> "SharedCurve":
        """Read what `packed` returned. Raises: ExperimentError for anything else."""
        every, _, letters = word.partition(".")
        try:
            if len(word) > _LONGEST or not every.isdecimal() or not 1 <= int(every) <= _MOST_EVERY:
                raise ValueError
            data = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
            losses = struct.unpack(f"<{len(data) // 4}f", data)
        except (ValueError, struct.error):
            losses = ()
        if not losses or not all(map(math.isfinite, losses)):
            raise ExperimentError("curve", "the curve in the link is damaged: copy the whole link again")
        return SharedCurve(int(every), losses)


def means(curve: LossCurve, every: int) -> list[float]:
    """The mean losses of each `every` steps, from the first step on, as far as the curve has all of them."""
    found: list[float] = []
    total, counted, last = 0.0, 0, 0
    for step, loss, count in curve.training:
        if step - count != last or counted + count > every:  # a step is missing, or a row covers two means
            break
        total, counted, last = total + loss * count, counted + count, step
        if counted == every:
            found.append(total / every)
            total, counted = 0.0, 0
    return found


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far a run agrees with a curve of `of` steps, after `steps` of them. They are the same to `digits` digits, at
    most DIGITS, and to DIGITS up to the step `exact`. If they differ, `parted` are the first and the last step of the
    first mean that does, and `theirs` and `ours` that mean; else `parted` is None."""

    steps: int
    of: int
    digits: int
    exact: int
    parted: tuple[int, int] | None = None
    theirs: float = 0.0
    ours: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether nothing is left to compare: the whole curve was, or they differ."""
        return self.parted is not None or self.steps == self.of

    @property
    def same(self) -> bool:
        """Whether the whole curve is the same."""
        return self.parted is None and self.steps == self.of

    def sentence(self) -> str:
        """In words, without a point at the end."""
        if self.parted:
            first, last = self.parted
            there = f"{self.theirs:.5g} there, {self.ours:.5g} here"
            if first == last:
                return f"differs from step {first:,} on: {there}"
            return f"differs from steps {first:,} to {last:,} on: a mean loss of {there}"
        if not self.steps:
            return "nothing to compare yet"
        reach = f"all {self.of:,} steps" if self.steps == self.of else f"the first {self.steps:,} of {self.of:,} steps"
        longer = f", and to {DIGITS} digits up to step {self.exact:,}" if 0 < self.exact < self.steps else ""
        return f"the same to {self.digits} digits for {reach}{longer}"


def compare(shared: SharedCurve, curve: LossCurve) -> Agreement:
    """Compare the curve of a run with a shared one, as far as both go."""
    digits, exact, steps = DIGITS, 0, 0
    for number, (theirs, ours) in enumerate(zip(shared.losses, means(curve, shared.every))):
        common = common_digits(theirs, ours)
        if common < ALIKE:
            parted = (number * shared.every + 1, (number + 1) * shared.every)
            return Agreement(steps, shared.steps, digits, exact, parted, theirs, ours)
        steps += shared.every
        digits = min(digits, common)
        if digits == DIGITS:
            exact = steps
    return Agreement(steps, shared.steps, digits, exact)


def common_digits(left: float, right: float) -> int:
    """To how many significant digits two numbers are the same, at most DIGITS: half a unit of the last is allowed."""
    if left == right:
        return DIGITS
    difference, largest = abs(left - right), max(abs(left), abs(right))
    if not math.isfinite(difference):
        return 0
    exponent = math.floor(math.log10(largest))
    return next((digits for digits in range(DIGITS, 0, -1) if difference <= 0.5 * 10.0 ** (exponent - digits + 1)), 0)


def causes(there: dict[str, str], here: dict[str, str]) -> str:
    """Why two curves can differ, as far as a link tells, in words: both are {"version", "device", "sha256"}."""
    words = {"version": "pygpt {}", "device": "on {}", "sha256": "the text with SHA-256 {:.12}…"}
    differ = {name: word for name, word in words.items() if there[name] and there[name] != here[name]}
    if not differ:
        return "version, kind of device and text are the same" if all(there.values()) else ""
    told = [", ".join(word.format(side[name]) for name, word in differ.items()) for side in (there, here)]
    return f"there it was {told[0]}, here it is {told[1]}"


def comparison(found: Agreement, there: dict[str, str], here: dict[str, str]) -> str:
    """The outcome as one sentence: how far the curves agree and, if they differ, why that can be (see `causes`)."""
    because = causes(there, here) if found.parted else ""
    text = f"{found.sentence()}{'; ' if because else ''}{because}."
    return text[:1].upper() + text[1:]
