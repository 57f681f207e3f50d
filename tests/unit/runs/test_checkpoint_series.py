"""The checkpoints along a run: when they are due, which ones stay, and what their files hold."""

import asyncio
import itertools
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygpt.errors import CheckpointError
from pygpt.inference.trained_model import TrainedModel
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.checkpoint_series import MOST, RATIO, CheckpointSeries, is_due, thinned, weights_file
from pygpt.runs.disk_files import DiskFiles
from pygpt.runs.half_precision import from_float16, to_float16
from pygpt.runs.run_folder import open_run, read_run, write_run
from pygpt.training.run import Run
from tests.tiny_runs import finish, poem_run


@given(st.lists(st.integers(1, 5_000), min_size=5, max_size=300))
def test_a_run_of_any_pace_keeps_few_that_are_spread_over_its_logarithm(gaps):
    kept, due = [0], [0]
    for step in itertools.accumulate(gaps):
        if is_due(step, kept):
            due.append(step)
            kept = thinned([*kept, step])
    assert (kept[0], kept[-1]) == (0, due[-1]) and sum(gaps) < max(RATIO * kept[-1], 1) and len(kept) <= MOST
    whole, place = math.log(kept[-1] + 1), {step: index for index, step in enumerate(due)}
    for before, after in itertools.pairwise(kept):
        between = math.log((after + 1) / (before + 1))
        assert between <= 2 * whole / (MOST - 1) + 1e-9 or place[after] == place[before] + 1


def test_a_checkpoint_is_due_at_the_start_and_after_a_fifth_more():
    assert is_due(0, []) and is_due(1, [0]) and is_due(120, [0, 100])
    assert not is_due(119, [0, 100]) and not is_due(100, [0, 100]) and not is_due(0, [0]) and not is_due(50, [0, 100])


@pytest.mark.parametrize("dtype, code", [("F32", "f"), ("F64", "d")])
def test_half_precision_rounds_to_the_nearest(dtype, code):
    numbers = [0.0, -0.0, 1.0, -2.5, 1 + 2**-11, 1 + 3 * 2**-11, 65504.0, 6e-8, 1e-9]
    half = asyncio.run(to_float16(struct.pack(f"<9{code}", *numbers), dtype))
    assert half is not None and len(half) == 2 * 9
    assert struct.unpack(f"<9{code}", from_float16(half, dtype)) == (
        *(0.0, -0.0, 1.0, -2.5, 1.0, 1 + 4 * 2**-11, 65504.0, 2**-24, 0.0),
    )
    assert asyncio.run(to_float16(struct.pack(f"<{code}", 65520.0), dtype)) is None


@pytest.fixture
def run(cpu):
    """A run of 12 steps that has ended."""
    run = poem_run(cpu)
    finish(run)
    return run


def test_the_file_of_a_checkpoint_is_a_model_that_is_half_as_exact(run, cpu):
    whole = run.checkpoint()
    data = asyncio.run(weights_file(whole))
    checkpoint, full = read_checkpoint(data), read_checkpoint(whole)
    assert checkpoint.weights_alone and checkpoint.step == 12 and checkpoint.text is None
    assert checkpoint.provenance == full.provenance and checkpoint.experiment == full.experiment
    assert len(data) < len(whole) / 4
    for name, values in full.weights.items():
        exact, half = (memoryview(each).cast("B").cast("f") for each in (values, checkpoint.weights[name]))
        assert len(exact) == len(half) and all(abs(a - b) <= 2**-11 * abs(a) + 2**-25 for a, b in zip(exact, half))
    assert len(TrainedModel(checkpoint, cpu).generate("Twinkle", 9)) == 9
    with pytest.raises(CheckpointError, match="the weights of step 12 alone, .*--init-from"):
        Run.restore(data, cpu)


def test_weights_that_half_precision_cannot_hold_stay_as_they_are(run, cpu):
    first = run.weights.by_name[next(iter(run.weights.by_name))]
    cpu.write(first, struct.pack("<f", 1e6) + bytes(first.nbytes - 4))
    whole = run.checkpoint()
    checkpoint, full = read_checkpoint(asyncio.run(weights_file(whole))), read_checkpoint(whole)
    name = next(iter(full.weights))
    assert bytes(checkpoint.weights[name]) == bytes(full.weights[name])


def test_a_series_goes_on_and_goes_back(run, tmp_path):
    files = DiskFiles(tmp_path)
    series = CheckpointSeries(files, files.write)
    folder, data = tmp_path / "run" / "checkpoints", run.checkpoint()

    async def add(*steps):
        for step in steps:
            if series.is_due(step):
                await series.add(step, data)
        return await series.steps("run")

    async def scenario():
        await series.begin("run", 0)
        assert await add(0, 10, 11, 100) == [0, 10, 100]
        assert series.nbytes == sum(path.stat().st_size for path in folder.iterdir())
        (folder / "120.safetensors.7-0123abcd.new").write_bytes(b"a process was killed")
        (folder / "notes.txt").write_text("a user's own")
        again = CheckpointSeries(files, files.write)
        await again.begin("run", 10)
        assert await again.steps("run") == [0, 10] and not again.is_due(11) and again.is_due(12)
        assert sorted(path.name for path in folder.iterdir()) == ["0.safetensors", "10.safetensors", "notes.txt"]
        await series.begin("run", 10)
        assert len(await add(*range(20, 4000, 20))) == MOST
        await series.begin("run", 0)
        assert await series.steps("run") == []

    asyncio.run(scenario())


def test_a_run_is_opened_at_a_step(run, tmp_path):
    folder = tmp_path / "run@home"  # a name that looks like one with a step
    files = DiskFiles(tmp_path)
    series = CheckpointSeries(files, files.write)
    asyncio.run(series.begin(folder.name, 0))
    write_run(folder, run.checkpoint())
    early = poem_run(run.device)
    asyncio.run(series.add(0, early.checkpoint()))
    opened = open_run(f"{folder}@0")
    assert opened.weights_alone and opened.step == 0 and opened.text.text == run.text.text
    assert read_run(f"{folder}@0") == (folder / "checkpoints" / "0.safetensors").read_bytes()
    assert not open_run(f"{folder}@12").weights_alone and open_run(folder).step == 12
    with pytest.raises(CheckpointError, match=r"has no checkpoint of step 5; it has those of steps 0, 12$"):
        open_run(f"{folder}@5")
    with pytest.raises(CheckpointError, match="there is no run at .*elsewhere"):
        open_run(f"{tmp_path / 'elsewhere'}@5")
