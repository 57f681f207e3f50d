"""The runs of a session, as folders on a disk. tests/e2e/test_opfs_files.py has them in a browser."""

import asyncio
import gc
import json
import weakref
from types import SimpleNamespace

import pytest

from pygpt.config.experiment import Experiment
from pygpt.data import text_from_bytes
from pygpt.errors import CheckpointError
from pygpt.runs import disk_files, run_store
from pygpt.runs.differences import changes_of, differences
from pygpt.runs.disk_files import DiskFiles
from pygpt.runs.run_store import RunStore
from pygpt.session.message_records import KeptRun
from pygpt.training.metrics import Metric
from pygpt.training.run import Run
from tests.tiny_runs import finish
from tests.unit.runs.test_run_folder import METRICS, lines, poem_run

ABOUT = {"text": "poem", "step": 3, "steps": 40, "loss": 2.5, "val_loss": None, "accuracy": None, "parameters": 7}


def do(*work):
    """Run coroutines, one after the other, and return the last result."""

    async def all_of():
        return [await each for each in work][-1]

    return asyncio.run(all_of())


@pytest.fixture
def store(tmp_path):
    return RunStore(DiskFiles(tmp_path))


def another(tmp_path) -> RunStore:
    return RunStore(DiskFiles(tmp_path))


def names(store) -> list[str]:
    return sorted(run["name"] for run in do(store.find()))


def test_a_kept_run_has_the_files_of_a_run(store, cpu, tmp_path):
    run = poem_run(cpu)
    do(store.begin(run), store.log(METRICS, 1))
    store.note_sample(2, "a\nb")
    do(store.keep(b"weights", ABOUT))
    folder = tmp_path / f"{run.experiment.name}-1"
    assert (folder / "experiment.toml").read_text() == run.experiment.to_toml()
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert [line["step"] for line in lines(folder)] == [metric.step for metric in METRICS if metric.step]
    assert json.loads((folder / "samples.jsonl").read_text()) == {"step": 2, "text": "a\nb"}
    about = json.loads((folder / "about.json").read_text())
    assert (about["name"], about["id"], about["star"], about["bytes"]) == (f"{run.experiment.name} 1", run.id, False, 7)


def test_each_run_has_a_folder_of_its_own(store, cpu, tmp_path):
    for count in range(3):
        do(store.begin(poem_run(cpu)), store.keep(b"%d" % count, ABOUT))
    stem = poem_run(cpu).experiment.name
    assert names(store) == [f"{stem} 1", f"{stem} 2", f"{stem} 3"]
    assert [do(store.read_copy(f"{stem}-{number}")) for number in (1, 2, 3)] == [b"0", b"1", b"2"]


def test_two_sessions_do_not_write_the_same_run(store, cpu, tmp_path):
    other, run = another(tmp_path), poem_run(cpu)
    do(store.begin(run), store.keep(b"mine", ABOUT))
    do(other.begin(run, store.current), other.keep(b"theirs", ABOUT))
    assert store.current != other.current
    assert (do(other.read_copy(store.current)), do(store.read_copy(other.current))) == (b"mine", b"theirs")


@pytest.mark.parametrize(("continues", "steps", "samples"), [(False, [], []), (True, [1, 2, 3], [0, 3])])
def test_the_logs_are_kept_only_of_the_run_that_goes_on(store, cpu, tmp_path, continues, steps, samples):
    run = poem_run(cpu)
    do(store.begin(run), store.log(METRICS, 1))
    for step in (0, 3, 4):
        store.note_sample(step, "text")
    do(store.keep(b"weights", ABOUT))
    first = store.current
    with (tmp_path / first / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "lo')  # a crash cut the line short
    run.step = 3
    do(store.begin(run, first if continues else ""))
    assert [line["step"] for line in lines(tmp_path / store.current)] == steps
    assert [sample["step"] for sample in do(store.samples(store.current))] == samples


def test_what_a_person_wrote_about_a_run_stays_when_it_is_kept_again(store, cpu, tmp_path):
    do(store.begin(poem_run(cpu)), store.keep(b"1", ABOUT))
    do(another(tmp_path).describe(store.current, {"name": "my run", "star": True, "notes": "good"}))
    do(store.keep(b"2", ABOUT | {"step": 4}))
    (run,) = do(store.find())
    assert (run["name"], run["star"], run["notes"], run["step"]) == ("my run", True, "good", 4)


def listed(store) -> list[str]:
    """The folders of the runs that are not deleted."""
    return [run["copy"] for run in do(store.find()) if "deleted" not in run]


def test_a_deleted_run_can_be_brought_back_for_a_while(store, cpu, tmp_path, monkeypatch):
    do(store.begin(poem_run(cpu)), store.keep(b"1", ABOUT))
    copy = store.current
    with pytest.raises(CheckpointError, match="is open"):
        do(store.delete(copy))
    do(store.files.release(copy))
    later = another(tmp_path)
    do(later.delete(copy))
    assert listed(later) == [] and [run["copy"] for run in do(later.find())] == [copy]
    do(another(tmp_path).tidy())  # another tab opens
    do(later.restore(copy))
    assert listed(later) == [copy]
    do(later.delete(copy))
    monkeypatch.setattr(run_store, "UNDO_SECONDS", 0)
    do(another(tmp_path).tidy())
    assert not (tmp_path / copy).exists()


def full(*arguments):
    """A write on a full disk."""
    raise OSError(28, "No space left on device")


def test_deleting_a_run_makes_room(store, cpu, tmp_path, monkeypatch):
    """Also where there is no room to note it. One that was deleted before makes room for the next write."""
    for _ in range(3):
        do(store.begin(poem_run(cpu)), store.keep(b"1", ABOUT))
    first, second, third = sorted(run["copy"] for run in do(store.find()))
    with monkeypatch.context() as disk:
        disk.setattr(disk_files, "write_atomically", full)
        do(store.delete(first))
    assert not (tmp_path / first).exists() and listed(store) != []
    do(store.delete(second))
    write = disk_files.write_atomically
    with monkeypatch.context() as disk:  # there is room for one run less
        disk.setattr(disk_files, "write_atomically", lambda *to: full() if (tmp_path / second).exists() else write(*to))
        do(store.keep(b"2", ABOUT))
    assert not (tmp_path / second).exists()
    assert listed(store) == [third] and do(store.read_copy(third)) == b"2"


def test_a_deleted_run_that_another_tab_opens_is_there_again(store, cpu, tmp_path):
    do(store.begin(poem_run(cpu)), store.keep(b"1", ABOUT))
    copy = store.current
    do(store.files.release(copy))
    do(another(tmp_path).delete(copy))
    other = another(tmp_path)
    do(other.begin(poem_run(cpu), copy))
    assert listed(other) == [copy]


def test_a_run_whose_description_was_not_written_is_described_by_its_checkpoint(store, cpu, tmp_path):
    run = poem_run(cpu)
    finish(run, at_most=4)
    do(store.begin(run), store.keep(run.checkpoint(), ABOUT))
    (tmp_path / store.current / "about.json").unlink()
    do(store.files.release(store.current))
    later = another(tmp_path)
    do(later.tidy())
    (found,) = do(later.find())
    assert (found["copy"], found["step"], found["steps"]) == (store.current, 4, run.experiment.train.steps)
    assert KeptRun.of(found).name == found["name"]


@pytest.mark.parametrize("about", [{}, {"name": "x"}, {"time": "yesterday"}, {"name": "x", "time": 5}])
def test_a_description_that_lacks_something_hides_no_run(store, cpu, tmp_path, about):
    do(store.begin(poem_run(cpu)), store.keep(b"1", ABOUT))
    (tmp_path / store.current / "about.json").write_text(json.dumps(about))
    (found,) = do(store.find())
    assert KeptRun.of(found).copy == store.current


def test_a_deleted_run_that_goes_on_is_there_again(store, cpu, tmp_path):
    do(store.begin(poem_run(cpu)), store.keep(b"1", ABOUT))
    copy = store.current
    do(another(tmp_path).delete(copy))  # of a browser without locks
    do(store.keep(b"2", ABOUT))
    assert listed(store) == [copy]


def test_what_differs_is_told_from_the_run_before_or_the_preset(store, cpu):
    run = poem_run(cpu)
    changed = poem_run(cpu, **{"optim.learning_rate": 0.5})
    do(store.begin(run), store.begin(changed, parent=run), store.keep(b"1", ABOUT))
    (kept,) = do(store.find())
    assert kept["parent"] == run.id
    assert kept["differs"] == [
        {"field": "optim.learning_rate", "before": run.experiment.optim.learning_rate, "after": 0.5}
    ]
    do(store.begin(changed), store.keep(b"1", ABOUT))
    assert {"optim.learning_rate", "train.steps"} <= {change["field"] for change in do(store.find())[0]["differs"]}


def test_two_texts_of_one_name_and_another_preset_are_changes(cpu):
    run = poem_run(cpu)
    other = Run(run.experiment, text_from_bytes("poem", b"another text " * 99), cpu)
    (change,) = changes_of(other, run)
    assert change == {
        "field": "data.source",
        "before": f"poem ({run.text.sha256[:8]})",
        "after": f"poem ({other.text.sha256[:8]})",
    }
    assert changes_of(run, run) == []
    small = SimpleNamespace(experiment=Experiment.preset("small").with_fields(**{"train.steps": 7}), text=run.text)
    baby = SimpleNamespace(experiment=Experiment.preset("baby"), text=run.text)
    assert changes_of(small, baby) == [
        {"field": "preset", "before": "baby", "after": "small"},
        {"field": "train.steps", "before": Experiment.preset("small").train.steps, "after": 7},
    ]


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe"])
def test_a_damaged_description_hides_no_other_run(store, cpu, tmp_path, content):
    do(store.begin(poem_run(cpu)), store.keep(b"1", ABOUT))
    damaged = store.current
    do(store.begin(poem_run(cpu)), store.keep(b"2", ABOUT))
    (tmp_path / damaged / "about.json").write_bytes(content)
    assert [run["copy"] for run in do(store.find())] == [store.current]
    do(another(tmp_path).tidy())
    assert (tmp_path / damaged / "model.safetensors").read_bytes() == b"1"


def test_the_one_run_that_earlier_versions_kept_is_taken_over(cpu, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 2.5}\n')
    (tmp_path / "about.json").write_text('{"name": "baby on tales", "step": 3, "steps": 40, "time": 5.0}')
    store = RunStore(DiskFiles(tmp_path / "runs"))
    do(store.tidy(), store.tidy())
    (run,) = do(store.find())
    assert (run["name"], run["step"], do(store.read_copy(run["copy"]))) == ("baby on tales", 3, b"weights")
    assert [line["step"] for line in lines(tmp_path / "runs" / run["copy"])] == [1]
    assert not (tmp_path / "model.safetensors").exists()
    assert do(store.files.claim(run["copy"])), "it is free to be opened"


def test_a_run_is_kept_as_soon_as_there_is_room(store, cpu, tmp_path, monkeypatch):
    """The disk is full from the start of the run; then its log has every step."""

    run = poem_run(cpu)
    with monkeypatch.context() as disk:
        disk.setattr(disk_files, "write_atomically", full)
        disk.setattr(disk_files, "append", full)
        for write in (store.begin(run), store.log([Metric(1, loss=2.5)], 1), store.keep(b"1", ABOUT)):
            with pytest.raises(CheckpointError, match="No space left"):
                do(write)
    do(store.log([Metric(2, loss=2.5)], 1), store.keep(b"2", ABOUT | {"step": 2}))
    assert [line["step"] for line in lines(tmp_path / store.current)] == [1, 2]
    assert len(do(store.find())) == 1 and do(store.read_copy(store.current)) == b"2"


def test_settings_that_a_model_does_not_use_are_no_differences():
    bigram = Experiment.preset("bigram")
    other = Experiment.preset("baby").with_fields(**{"model.kind": "bigram", "model.n_layer": 9})
    fields = {change["field"] for change in differences(bigram, other)}
    assert "model.n_layer" not in fields and "train.batch_size" in fields and "model.block_size" in fields
    assert "model.n_layer" in {change["field"] for change in differences(bigram, Experiment.preset("baby"))}


def test_the_run_before_is_not_held_in_memory(store, cpu):
    """Its weights and optimizer state would be on the device while the next one trains."""
    first, second = poem_run(cpu), poem_run(cpu)
    alive = weakref.ref(first)
    do(store.begin(first), store.begin(second, parent=first), store.keep(b"1", ABOUT))
    del first
    gc.collect()
    assert alive() is None
