"""Long work is cut into submissions of about 50 ms; short work stays whole; the bits do not change."""

import numpy as np
import pytest

from pygpt.config.experiment import Experiment
from pygpt.data import load_text
from pygpt.devices.submissions import SUBMISSION_SECONDS, Pace, pieces
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import no_tape, tensor
from pygpt.training.run import Run
from tests.ops.chain import normal


class Clock:
    """A clock that tests set."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr("time.perf_counter", lambda: self.now)


def test_work_is_cut_where_it_adds_up_to_the_limit():
    assert pieces([1, 2, 3, 4], 100) == [(0, 4)]
    assert pieces([1, 2, 3, 4], 3) == [(0, 2), (2, 3), (3, 4)]
    assert pieces([9, 1, 9, 9, 1, 1], 4) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 6)]
    assert pieces([], 4) == [(0, 0)]


@pytest.mark.parametrize("per_second", [3e9, 1e10, 7e13])
def test_the_pace_is_the_work_between_two_reads(monkeypatch, per_second):
    clock, pace = Clock(monkeypatch), Pace()
    for _ in range(3):
        clock.now += 60.0  # the device is idle
        pace.send(2 * per_second)
        clock.now += 2.0
        pace.finish(pace.sent)
    assert per_second * SUBMISSION_SECONDS <= pace.limit(True) <= 1.2 * per_second * SUBMISSION_SECONDS


def test_one_slow_start_and_one_late_look_do_not_set_the_pace(monkeypatch):
    clock, pace = Clock(monkeypatch), Pace()
    for seconds in (30.0, 1.0, 1.0, 0.006, 1.0):
        pace.send(1e10)
        clock.now += seconds
        pace.finish(pace.sent)
    assert 5e8 <= pace.limit(True) <= 6e8


def test_small_work_stays_whole_while_shaders_compile(monkeypatch):
    clock, pace = Clock(monkeypatch), Pace()
    for _ in range(5):
        pace.send(1e6)
        clock.now += 2.0
        pace.finish(pace.sent)
    assert pace.limit(True) >= 5e7


def test_reads_in_flight_count_their_own_work(monkeypatch):
    """The driver sends a slice, starts a read, and sends the next slice before the read finishes."""
    clock, pace = Clock(monkeypatch), Pace()
    pace.send(1e9)
    for _ in range(4):
        mark = pace.sent
        pace.send(1e9)
        clock.now += 0.5
        pace.finish(mark)
    assert 1e8 <= pace.limit(False) <= 1.2e8


@pytest.fixture
def submitted(gpu, monkeypatch):
    """A list to which the number of launches of every submission of the device is appended."""
    sent, encode = [], gpu._encode
    monkeypatch.setattr(gpu, "_encode", lambda launches: sent.append(len(launches)) or encode(launches))
    monkeypatch.setattr(gpu, "pace", Pace())
    return sent


def product(gpu, size, times):
    """A Capture of `times` products of two square matrices."""
    a, b = (tensor(gpu, normal(size, size, seed=seed), (size, size)) for seed in range(2))

    def multiply():
        with no_tape():
            return [a @ b for _ in range(times)][-1]

    return Capture(gpu, multiply)


def test_a_replay_is_cut_by_its_work(gpu, submitted):
    capture = product(gpu, 256, 40)  # of 2 * 256^3 operations and 3 * 4 * 256^2 bytes: 4e7 each, of 5.4e8
    first = capture().numpy()
    assert submitted == [12, 12, 12, 4], "the first call, which is eager"
    submitted.clear()
    np.testing.assert_array_equal(capture().numpy(), first)
    assert submitted == [12, 12, 12, 4]
    submitted.clear()
    gpu.pace._limits = dict.fromkeys((True, False), 1e8)
    capture(times=2)
    assert submitted == [2] * 40
    submitted.clear()
    gpu.pace._limits = dict.fromkeys((True, False), 1e12)
    np.testing.assert_array_equal(capture().numpy(), first)
    assert submitted == [40]


def test_a_step_of_a_small_model_is_one_submission(gpu, submitted):
    run = Run(Experiment.preset("micro"), load_text("words"), gpu)
    run.training_step()
    for _ in range(6):
        run.training_step(20)
        gpu.read(run.metrics_tensor)
    submitted.clear()
    run.training_step(10)
    assert submitted == [len(run.training_step.launch_infos)] * 10


@pytest.mark.parametrize("limit", [1.0, 3e5])
def test_cuts_change_no_bit(gpu, submitted, limit):
    losses = []
    for work in (1e15, limit):
        gpu.pace._limits = dict.fromkeys((True, False), work)
        run = Run(Experiment.preset("micro"), load_text("words"), gpu)
        submitted.clear()
        for _ in range(5):
            run.training_step()
            gpu.pace._limits = dict.fromkeys((True, False), work)  # whatever a read measured
        losses.append(gpu.read(run.weights.values))
    assert losses[0] == losses[1]
    assert len(submitted) > 5 * 3
