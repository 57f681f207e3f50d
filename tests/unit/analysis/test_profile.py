"""The profile of a step: it has every launch, the times add up to the step, and Perfetto can read its trace."""

import asyncio
import io
import json
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from pygpt.analysis import profile as profiling
from pygpt.analysis.flops import launch_bytes, launch_flops
from pygpt.analysis.profile import profile
from pygpt.cli.profile_table import print_profile
from pygpt.devices.base import LaunchInfo
from pygpt.runs.run_folder import RunFolder
from tests.tiny_runs import poem_run

LARGER = {"model.n_embd": 64, "model.block_size": 32, "train.batch_size": 8, "train.steps": 40, "train.eval_every": 20}


def profiled(device, steps=4):
    run = poem_run(device, **LARGER)
    events = run.train()
    while run.step < 2:
        next(events)
    return run, events, asyncio.run(profile(run, events, steps))


def test_the_profile_has_every_launch_and_its_share_of_the_step(device):
    run, events, result = profiled(device)
    device.read(run.metrics_tensor)
    assert [launch.work for launch in result.launches] == run.training_step.launch_infos
    assert result.steps == 4 and run.step == 6
    rows = result.rows()
    assert sum(row.calls for row in rows) == len(result.launches)
    assert sum(row.share for row in rows) == pytest.approx(1.0)
    assert [row.seconds for row in rows] == sorted((row.seconds for row in rows), reverse=True)
    began = time.perf_counter()
    for _ in range(8):
        next(events)
    device.read(run.metrics_tensor)
    step = (time.perf_counter() - began) / 8
    # One pass per launch costs more than one for all, and the machine can be busy.
    assert 0.1 * step < result.seconds < 10 * step


def test_profiling_does_not_change_the_losses(device):
    run, events, _ = profiled(device)
    other = poem_run(device, **LARGER)
    for each, each_events in ((run, events), (other, other.train())):
        while each.step < 10:
            next(each_events)
    assert run.take_metrics(device.read(run.metrics_tensor)) == other.take_metrics(device.read(other.metrics_tensor))


def test_a_coarse_clock_gets_more_steps(cpu, monkeypatch):
    monkeypatch.setattr(profiling, "clock_resolution", lambda: 1e6)
    monkeypatch.setattr(profiling, "MAX_STEPS", 9)
    assert profiled(cpu)[2].steps == 9
    monkeypatch.setattr(profiling, "MAX_STEPS", 1000)
    assert profiled(cpu)[2].steps == 18  # until the evaluation of step 20


def test_gpu_timestamps_do_not_depend_on_the_clock(gpu, monkeypatch):
    monkeypatch.setattr(profiling, "clock_resolution", lambda: 1e6)
    assert profiled(gpu)[2].steps == 4


def test_a_profile_ends_where_an_evaluation_begins(cpu):
    run = poem_run(cpu, **LARGER)
    events = run.train()
    while run.step < 18:
        next(events)
    assert asyncio.run(profile(run, events, 10)).steps == 2
    assert [event.kind for event in events][-1] == "evaluation" and run.step == 40
    assert asyncio.run(profile(run, run.train())) is None


def test_a_device_without_timestamps_is_timed_by_the_clock(gpu, monkeypatch):
    monkeypatch.setattr(gpu, "_has_timestamps", False)
    _, _, result = profiled(gpu, 1)
    assert all(launch.seconds > 0 for launch in result.launches)


def test_the_trace_is_a_list_of_complete_events(device):
    _, _, result = profiled(device, 1)
    name, *events = json.loads(result.trace())["traceEvents"]
    assert name["ph"] == "M" and name["args"]["name"] == device.name
    assert len(events) == len(result.launches)
    for event in events:
        assert event["ph"] == "X" and event["ts"] >= 0 and event["dur"] >= 0 and event["args"]["operands"]


def test_work_is_counted_from_shapes():
    operands = {"x": ((3, 5, 7), "float32"), "w": ((7, 11), "float32"), "y": ((3, 5, 11), "float32")}
    product = LaunchInfo("matmul", operands, {})
    assert launch_flops(product) == 2 * 15 * 7 * 11
    assert launch_bytes(product) == 4 * (105 + 77 + 165)
    back = {"x": ((15, 7), "float32"), "w": ((15, 11), "float32"), "y": ((7, 11), "float32")}
    assert launch_flops(LaunchInfo("matmul", back, {"transpose_x": True})) == 2 * 15 * 7 * 11
    attention = {"qkv": ((2, 4, 3 * 8), "float32"), "y": ((2, 4, 8), "float32")}
    assert launch_flops(LaunchInfo("attention", attention, {"window": 0})) == 4 * 2 * 10 * 8
    assert launch_flops(LaunchInfo("attention", attention, {"window": 2})) == 4 * 2 * 7 * 8
    hidden = {"x": ((2, 4, 32), "float32"), "y": ((2, 4, 32), "float32")}
    for name, operations in (("gelu", 10), ("activation", 8), ("add", 1)):
        assert launch_flops(LaunchInfo(name, hidden, {})) == operations * 2 * 4 * 32
        assert launch_bytes(LaunchInfo(name, hidden, {})) == 2 * 4 * (2 * 4 * 32)
    gradient = {"dy": hidden["x"], "x": hidden["x"], "dx": hidden["x"]}
    for name, operations in (("gelu_gradient", 16), ("activation_gradient", 12)):
        assert launch_flops(LaunchInfo(name, gradient, {})) == operations * 2 * 4 * 32
        assert launch_bytes(LaunchInfo(name, gradient, {})) == 3 * 4 * (2 * 4 * 32)
    # A long schedule adds no work: a step reads one row of it.
    update = {"gradient": ((50,), "float32"), "scale": ((1,), "float32"), "schedule": ((1_000_000, 3), "float32")}
    update |= dict.fromkeys(("parameter", "first_moment", "second_moment"), ((50,), "float32"))
    assert launch_flops(LaunchInfo("adamw", update, {})) == 12 * 50
    assert launch_bytes(LaunchInfo("adamw", update, {})) == 4 * (50 + 1 + 50 + 3 * 50)
    text = {"tokens": ((1_000_000,), "uint32"), "seed": ((1,), "uint32"), "targets": ((2, 4), "uint32")}
    assert launch_bytes(LaunchInfo("batch", text, {})) < 100


@pytest.mark.parametrize("seconds, cached", [(0.5, True), (2.0, False)])
def test_a_share_above_the_peak_is_explained(seconds, cached, tmp_path):
    """The peak is that of memory, and a small model's weights fit into a cache: adamw reached 113 % without a word."""
    operands = {"x": ((1000,), "float32"), "y": ((1000,), "float32")}
    launch = profiling.TimedLaunch(LaunchInfo("add", operands, {}), seconds, 0.0, 1, 100)
    text = io.StringIO()
    found = profiling.Profile("a CPU", 1, [launch], profiling.Peak(1e9, 100.0))
    print_profile(found, RunFolder(tmp_path), Console(file=text, width=120))
    assert ("200 %" if cached else "50 %") in text.getvalue()
    assert ("Above 100 %, a kernel's operands were still in a cache" in text.getvalue()) == cached


def test_the_peak_is_work_divided_by_time(cpu, monkeypatch):
    """A product of 2 ms and two additions of 4,194,304 elements, 12 bytes each, in half a second."""

    async def two_milliseconds(*_):
        return 2.0

    clock = iter((1.0, 1.5))
    monkeypatch.setattr(profiling, "time_matmul", two_milliseconds)
    monkeypatch.setattr(profiling, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    peak = asyncio.run(profiling.measure_peak(cpu))
    assert peak == profiling.Peak(2 * 512**3 / 0.002, 2 * 12 * 4_194_304 / 0.5)
