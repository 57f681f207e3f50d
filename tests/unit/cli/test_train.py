"""What signals, kills, full disks, broken outputs and other processes do to `pygpt train`: nothing that is trained is
lost, and nothing else ends it."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

import pygpt
from pygpt.cli import main, training
from pygpt.data import load_text
from pygpt.runs import run_folder
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.run_folder import RunFolder, open_run
from tests.tiny_runs import POEM
from tests.unit.huggingface.folders import GOLDENS

TINY = "--model.n-layer 1 --model.n-head 2 --model.n-embd 16 --model.block-size 8 --train.batch-size 4".split()
QUICK = [*TINY, "--train.eval-batches", "2", "--train.eval-every", "10", "--log-every", "1"]
# An evaluation of some seconds follows the last step.
LONG_EVALUATION = [*TINY, "--train.eval-batches", "2000", "--train.eval-every", "1000000", "--log-every", "1"]
CLOCK = ("ms", "tokens_per_second", "seconds")  # what differs between two runs with the same losses


@pytest.fixture
def poem(tmp_path):
    path = tmp_path / "poem.txt"
    path.write_text(POEM)
    return str(path)


def arguments(poem, out, steps=20, settings=QUICK):
    return ["train", "baby", "--data", poem, "--device", "numpy", "--steps", str(steps), "--out", str(out), *settings]


def start(*command, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen([sys.executable, "-m", "pygpt", *map(str, command)], text=True, **pipes)


def wait_for_lines(process, folder, count):
    """Wait until the log has this many lines."""
    log = folder / "metrics.jsonl"
    while not log.exists() or log.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def losses(folder):
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [{name: value for name, value in row.items() if name not in CLOCK} for row in rows]


def test_a_built_in_text_is_called_so_also_beside_a_file_of_its_name(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = {}
    for there in False, True:
        if there:
            (tmp_path / "words").write_text(POEM)
        for source in ("words", "./words")[: 1 + there]:
            assert main([*arguments(source, "run", 1, TINY), "--train.eval-batches", "1"]) == 0
            said[there, source] = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("text"))
    assert said[False, "words"].startswith("text    words (built in), 9,971 characters")
    assert said[True, "words"].startswith("text    words (built in; --data ./words is the file), 9,971 characters")
    assert said[True, "./words"].startswith(f"text    words, {len(POEM):,} characters")


def refused(capsys, *command):
    """The sentence that a command fails with."""
    assert main([str(word) for word in command]) == 1
    error = capsys.readouterr().err
    assert error.startswith("pygpt: ") and error.count("\n") == 1
    return error


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_in_the_last_evaluation_loses_nothing(tmp_path, poem, name):
    out, number = tmp_path / "run", getattr(signal, name)
    process = start(*arguments(poem, out, 5, LONG_EVALUATION))
    wait_for_lines(process, out, 4)  # the line of step 5 waits for the evaluation
    sent = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number and time.monotonic() - sent < 2
    assert f"Stopped at step 5 before its evaluation and saved to {out}" in output and f"--resume {out}" in output
    assert open_run(out).step == 5
    # The evaluation is repeated, and everything is as if nothing had happened.
    assert main(["train", "--resume", str(out), "--device", "numpy"]) == 0
    assert main(arguments(poem, tmp_path / "whole", 5, LONG_EVALUATION)) == 0
    assert losses(out) == losses(tmp_path / "whole")
    ours, whole = open_run(out), open_run(tmp_path / "whole")
    assert ours.curve.tables() == whole.curve.tables()
    assert all(bytes(ours.weights[name]) == bytes(whole.weights[name]) for name in whole.weights)


@pytest.mark.slow
def test_ctrl_c_twice_in_the_last_evaluation_loses_nothing(tmp_path, poem):
    process = start(*arguments(poem, tmp_path / "run", 5, LONG_EVALUATION))
    wait_for_lines(process, tmp_path / "run", 4)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130 and open_run(tmp_path / "run").step == 5


def test_a_run_that_is_killed_continues_from_its_last_checkpoint(tmp_path, poem):
    out = tmp_path / "run"
    process = start(*arguments(poem, out, 5000), "--save-every", "0")
    wait_for_lines(process, out, 100)
    while not (out / "model.safetensors").exists():
        time.sleep(0.01)
    process.kill()
    process.communicate()
    (out / "model.safetensors.17-0123abcd.new").write_bytes(b"half of a checkp")
    step = open_run(out).step
    assert 0 < step < 5000
    assert main(["train", "--resume", str(out), "--steps", str(step + 10), "--device", "numpy"]) == 0
    assert [row["step"] for row in losses(out)] == list(range(1, step + 11))
    assert sorted(os.listdir(out)) == [".lock", "experiment.toml", "metrics.jsonl", "model.safetensors"]


def test_a_run_killed_after_an_evaluation_logs_it_once(tmp_path, poem, monkeypatch):
    """Its checkpoint was written before the evaluation, whose line is in the log already."""
    whole, out = tmp_path / "whole", tmp_path / "run"
    saved = []
    save = RunFolder.save
    monkeypatch.setattr(RunFolder, "save", lambda self, data: (saved.append(bytes(data)), save(self, data)))
    assert main(arguments(poem, whole, 10)) == 0
    held = [data for data in saved if read_checkpoint(data).held]
    assert held and read_checkpoint(held[-1]).step == 10
    shutil.copytree(whole, out)
    (out / "model.safetensors").write_bytes(held[-1])  # as kill -9 leaves the folder
    assert main(["train", "--resume", str(out), "--device", "numpy"]) == 0
    assert losses(out) == losses(whole) and len(losses(out)) == 10


@pytest.mark.parametrize(
    "damage, said, aside",
    [
        (None, "The log lacks 20 of the rows up to step 20.", False),
        (
            lambda log: b"garbage\n" * 3,
            "lacks 20 of the rows up to step 20; what could not be read is in metrics.1",
            True,
        ),
        (lambda log: b"my notes\n" + log, "had lines that could not be read; it is kept as metrics.1.jsonl", True),
        (lambda log: log[: log.index(b"\n", len(log) // 2) + 5], "rows up to step 20.", False),
        (lambda log: log, "Continuing", False),
    ],
)
def test_a_log_that_is_damaged_is_kept_and_said(tmp_path, poem, damage, said, aside, capsys):
    out = tmp_path / "run"
    assert main(arguments(poem, out, 20)) == 0
    log = (out / "metrics.jsonl").read_bytes()
    (out / "metrics.jsonl").unlink()
    if damage:
        (out / "metrics.jsonl").write_bytes(damage(log))
    capsys.readouterr()
    assert main(["train", "--resume", str(out), "--steps", "21", "--device", "numpy"]) == 0
    output = capsys.readouterr().out
    assert said in output and ("The log" in output) == (said != "Continuing")
    assert (out / "metrics.1.jsonl").exists() == aside
    assert not aside or damage is None or (out / "metrics.1.jsonl").read_bytes() == damage(log)


def test_checkpoints_take_at_most_a_twentieth_of_the_time(tmp_path, poem, monkeypatch):
    """However often they are asked for; three more come at the start, before the last evaluation, and at the end."""
    save, saved = RunFolder.save, []

    def slow(self, checkpoint):
        time.sleep(0.03)
        save(self, checkpoint)
        saved.append(open_run(self.folder).step)

    monkeypatch.setattr(RunFolder, "save", slow)
    began = time.perf_counter()
    assert main([*arguments(poem, tmp_path / "run", 600), "--save-every", "0"]) == 0
    assert 3 <= len(saved) <= (time.perf_counter() - began) / (20 * 0.03) + 3
    assert saved == sorted(saved) and saved[-2:] == [600, 600]


@pytest.mark.parametrize("output", ["| head -n 1", "> /dev/full 2> /dev/full", ">&-", "| true"])
def test_a_broken_output_does_not_end_training(tmp_path, poem, output):
    command = " ".join([sys.executable, "-m", "pygpt", *arguments(poem, tmp_path / "run")])
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command} {output}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert open_run(tmp_path / "run").step == 20


@pytest.mark.parametrize("output", ["| head -n 1", "> /dev/full 2> /dev/full", ">&-", "| true"])
def test_a_broken_output_does_not_end_a_preparation(tmp_path, poem, output):
    prepare = ["prepare", poem, "--out", str(tmp_path / "shards"), "--encoding", "char", "--shard-size", "100"]
    command = " ".join([sys.executable, "-m", "pygpt", *prepare])
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command} {output}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(load_text(str(tmp_path / "shards")).train)


class FullDisk:
    """Refuses the writes with these numbers, counted from 1."""

    def __init__(self, monkeypatch, refused):
        self.refused, self.count = refused, 0
        for name in ("write_atomically", "append"):
            monkeypatch.setattr(run_folder, name, self._counted(getattr(run_folder, name)))

    def _counted(self, write):
        def counted(path, content):
            self.count += 1
            if self.count in self.refused:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            write(path, content)

        return counted


def test_a_full_disk_ends_no_training_that_has_begun(tmp_path, poem, monkeypatch, capsys):
    monkeypatch.setattr(training, "RETRY_SECONDS", 0.01)
    command = [*arguments(poem, tmp_path / "whole", 30), "--save-every", "0"]
    whole = FullDisk(monkeypatch, [])
    assert main(command) == 0 and whole.count > 5
    for number in range(1, whole.count + 1):
        out = tmp_path / f"run{number}"
        FullDisk(monkeypatch, [number])
        capsys.readouterr()
        status = main([*arguments(poem, out, 30), "--save-every", "0"])
        error = capsys.readouterr().err
        if number <= 2:  # nothing is trained where not even the settings can be written
            assert status == 1 and "cannot be written (No space left on device)" in error
            continue
        assert status == 0 and losses(out) == losses(tmp_path / "whole")
        assert (out / "model.safetensors").stat().st_size == (tmp_path / "whole" / "model.safetensors").stat().st_size
        assert "No space left on device" in error and "is written again" in error


def test_what_was_trained_waits_for_a_disk_that_stays_full(tmp_path, poem, monkeypatch):
    out = tmp_path / "run"
    limited = f"ulimit -f 8; exec {sys.executable} -m pygpt {' '.join(arguments(poem, out))}"
    process = subprocess.Popen(["bash", "-c", limited], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "File too large" in process.stderr.readline()
    while "It is tried again until it works; Ctrl+C gives up" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=30)[1]
    assert process.returncode == 1 and "at step 20 could not be written" in error
    assert error.endswith("its last checkpoint could not be written either\n")
    assert "Traceback" not in error and not [name for name in os.listdir(out) if name.endswith(".new")]


def test_a_log_that_cannot_be_written_costs_no_checkpoint(tmp_path, poem, monkeypatch, capsys):
    """As where another program has opened it: the model of the last step is saved."""
    monkeypatch.setattr(training, "GIVE_UP_SECONDS", 0.3)
    monkeypatch.setattr(training, "RETRY_SECONDS", 0.1)

    def refuse(path, content):
        signals or signals.append(os.kill(os.getpid(), signal.SIGTERM))
        raise OSError(errno.EACCES, "Permission denied", str(path))

    signals: list[None] = []
    monkeypatch.setattr(run_folder, "append", refuse)
    assert main(arguments(poem, tmp_path / "run", 100_000)) == 1
    error = capsys.readouterr().err
    step = open_run(tmp_path / "run").step
    assert step > 0 and f"its last checkpoint is of step {step:,}" in error and f"at step {step:,}" in error


def test_a_service_that_is_stopped_gives_up_a_full_disk(tmp_path, poem, monkeypatch, capsys):
    monkeypatch.setattr(training, "GIVE_UP_SECONDS", 0.3)
    monkeypatch.setattr(training, "RETRY_SECONDS", 0.1)
    free = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)

    def full(path, content):
        signals or signals.append(os.kill(os.getpid(), signal.SIGTERM))
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    signals: list[None] = []
    monkeypatch.setattr(run_folder, "append", full)
    assert main(arguments(poem, tmp_path / "run", 100_000)) == 1
    error = capsys.readouterr().err
    assert "It is tried again for 0 seconds" in error and "Ctrl+C" not in error
    assert re.search(r"could not be written to .*run, whose disk lacks [\d,]+ bytes; its last checkpoint", error)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_resumed_run_that_cannot_be_saved_names_the_checkpoint_it_came_from(
    tmp_path, poem, monkeypatch, capsys, elsewhere
):
    out = tmp_path / "run"
    assert main(arguments(poem, out, 20)) == 0
    before = (out / "model.safetensors").read_bytes()
    monkeypatch.setattr(training, "GIVE_UP_SECONDS", 0.3)
    monkeypatch.setattr(training, "RETRY_SECONDS", 0.1)

    def full(path, content):
        if path.name == "model.safetensors":
            os.kill(os.getpid(), signal.SIGTERM)
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    write = run_folder.write_atomically
    monkeypatch.setattr(run_folder, "write_atomically", full)
    command = ["train", "--resume", str(out), "--steps", "100000", "--save-every", "0", "--device", "numpy"]
    assert main([*command, *(["--out", str(tmp_path / "other")] if elsewhere else [])]) == 1
    place = f", in {out}, and can be resumed again" if elsewhere else ""
    assert capsys.readouterr().err.endswith(f"its last checkpoint is of step 20{place}\n")
    assert (out / "model.safetensors").read_bytes() == before


def test_a_run_that_cannot_be_resumed_elsewhere_is_said_to_be_intact(tmp_path, poem, monkeypatch, capsys):
    out = tmp_path / "run"
    assert main(arguments(poem, out, 20)) == 0
    FullDisk(monkeypatch, [1])
    command = ["train", "--resume", str(out), "--out", str(tmp_path / "other"), "--steps", "30", "--device", "numpy"]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert error.endswith(f"; the checkpoint in {out} is intact, at step 20, and can be resumed again\n"), error


def test_an_import_on_a_full_disk_leaves_nothing_in_a_new_folder(tmp_path, monkeypatch, capsys):
    source = GOLDENS / "hf_gpt2"
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    for number in (1, 2, 3, 4):
        FullDisk(monkeypatch, [number])
        status = main(["import", "hf", str(source), str(tmp_path / "new")])
        error = capsys.readouterr().err
        monkeypatch.undo()
        if status == 0:
            break
        assert "No space left on device" in error and not (tmp_path / "new").exists()
        FullDisk(monkeypatch, [number])
        assert main(["import", "hf", str(source), str(mine)]) == 1
        monkeypatch.undo()
        assert (mine / "notes.txt").read_text() == "mine"
    assert number > 2


def test_two_trainings_in_one_folder_are_refused(tmp_path, poem, capsys):
    out = tmp_path / "run"
    process = start(*arguments(poem, out, 100_000))
    wait_for_lines(process, out, 10)
    for command in (arguments(poem, out), ["train", "--resume", out, "--device", "numpy"]):
        if command[1] == "--resume":
            process.send_signal(signal.SIGINT)
            process.communicate()
            with RunFolder(out).claim():
                assert f"the folder {out} is in use by another pygpt" in refused(capsys, *command)
        else:
            error = refused(capsys, *command)
            assert f"in use by another pygpt (process {process.pid}): wait until" in error and "another folder" in error
    assert 0 < open_run(out).step < 100_000


def test_no_run_is_overwritten_by_another(tmp_path, poem, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    for out, steps in ((first, 10), (second, 20)):
        main(arguments(poem, out, steps))
    before = {name: (second / name).read_bytes() for name in ("model.safetensors", "metrics.jsonl")}
    capsys.readouterr()
    main(["train", "--resume", str(first), "--steps", "15", "--out", str(second), "--device", "numpy"])
    assert "is now in model.1.safetensors and metrics.1.jsonl" in capsys.readouterr().out
    assert (second / "model.1.safetensors").read_bytes() == before["model.safetensors"]
    assert (second / "metrics.1.jsonl").read_bytes() == before["metrics.jsonl"]
    assert open_run(second).step == 15 and [row["step"] for row in losses(second)] == list(range(1, 16))
    main(["train", "--resume", str(first), "--steps", "15", "--out", f"{first}/../first", "--device", "numpy"])
    assert sorted(os.listdir(first)) == [".lock", "experiment.toml", "metrics.jsonl", "model.safetensors"]


def test_no_file_of_the_user_is_replaced_by_a_run(tmp_path, poem, capsys, monkeypatch):
    mine = {"tokenizer.json": "{}", "report.2024.new": "x", "notes.7-deadbeef.new": "x", "profile.json": "{}"}
    mine["experiment.toml"] = "# mine\n[train]\nsteps = 2\n"
    for name, content in mine.items():
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    command = arguments(poem, ".", 2)
    command[1] = "experiment.toml"
    assert main(command) == 0
    assert "experiment.1.toml and tokenizer.1.json and profile.1.json" in capsys.readouterr().out
    for name, content in mine.items():
        kept = name if name.endswith(".new") else name.replace(".", ".1.")
        assert (tmp_path / kept).read_text() == content
    (tmp_path / "tokenizer.json").write_text("mine")
    assert main(["train", "--resume", ".", "--steps", "3", "--device", "numpy"]) == 0
    assert (tmp_path / "tokenizer.json").read_text() == "mine"
    for empty in (["--out="], ["--out", ""]):
        assert "--out is empty" in refused(capsys, "train", "baby", "--data", poem, *empty)


def test_the_model_file_of_a_run_continues_that_run(tmp_path, poem, capsys):
    out, alone = tmp_path / "run", tmp_path / "alone.safetensors"
    main(arguments(poem, out, 2))
    alone.write_bytes((out / "model.safetensors").read_bytes())
    resume = ["train", "--device", "numpy", "--resume"]
    assert main([*resume, str(out / "model.safetensors"), "--steps", "3"]) == 0
    assert not (out / "model").exists() and [row["step"] for row in losses(out)] == [1, 2, 3]
    for _ in range(2):  # the run that began from a file alone is not replaced by the next
        assert main([*resume, str(alone), "--steps", "3"]) == 0
    assert (tmp_path / "alone" / "model.1.safetensors").exists()
    (out / "metrics.jsonl").unlink()
    (out / "metrics.jsonl").mkdir()
    capsys.readouterr()
    assert f"{out / 'metrics.jsonl'} cannot be written" in refused(capsys, *resume, out, "--steps", "4")


def test_an_export_replaces_no_other_file(tmp_path, poem, capsys):
    out = tmp_path / "theirs"
    main(arguments(poem, tmp_path / "run", 1))
    out.mkdir()
    capsys.readouterr()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (out / name).write_text("theirs")
        assert f"has a {name} already" in refused(capsys, "export", tmp_path / "run", out)
        assert [path.name for path in out.iterdir()] == [name] and (out / name).read_text() == "theirs"
        (out / name).unlink()


def test_mistakes_with_a_run_are_named(tmp_path, poem, capsys):
    out, short = tmp_path / "run", tmp_path / "one.txt"
    assert main(arguments(poem, out, 5)) == 0
    short.write_text("x")
    capsys.readouterr()
    error = refused(capsys, "train", "--resume", out, "--steps", "-1", "--device", "numpy")
    assert "train.steps: -1 is outside 1 to" in error
    error = refused(capsys, "export", out, poem)
    assert "poem.txt is a file, and an export needs a folder; choose another" in error
    assert "data: it is empty" in refused(capsys, "eval", out, "--data", "", "--device", "numpy")
    assert "data: it is empty" in refused(capsys, "train", "--resume", out, "--data", "", "--device", "numpy")


def test_a_run_is_resumed_only_for_more_steps(tmp_path, poem, capsys):
    main(arguments(poem, tmp_path / "run"))
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "run").iterdir()}
    for steps in ([], ["--steps", "20"], ["--steps", "7"]):
        error = refused(capsys, "train", "--resume", tmp_path / "run", *steps, "--device", "numpy")
        assert "has done 20 steps already; continue it with --steps above that" in error
    assert before == {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "run").iterdir()}


def test_a_text_that_has_moved(tmp_path, poem, capsys):
    """The shards of a run can lie elsewhere; a text is in the run's own file."""
    shards, moved, run = tmp_path / "shards", tmp_path / "moved", tmp_path / "run"
    main(["prepare", poem, "--out", str(shards), "--encoding", "char", "--shard-size", "2000"])
    main(arguments(str(shards), run, 5))
    shards.rename(moved)
    resume = ["train", "--resume", run, "--steps", "6", "--device", "numpy"]
    assert "there is no data set and no file named" in refused(capsys, *resume)
    assert "is not the one this run was trained on" in refused(capsys, *resume, "--data", "tales")
    assert "is not divided into training and validation as the shards" in refused(capsys, *resume, "--data", poem)
    assert main([str(word) for word in (*resume, "--data", moved)]) == 0
    assert open_run(run).experiment.data.source == str(moved)
    resume[resume.index("6")] = "7"
    assert main([str(word) for word in resume]) == 0  # it is found there from now on
    other = tmp_path / "other"
    main(arguments(poem, other, 5))
    os.unlink(poem)
    assert main(["train", "--init-from", str(other), "--steps", "2", "--out", str(tmp_path / "new")]) == 0
    assert open_run(tmp_path / "new").text.text == POEM
    assert pygpt.load(tmp_path / "new", "numpy").generate("T", 3)


def test_a_run_with_initial_weights_trains_on_the_text_that_is_named(tmp_path, poem, capsys):
    """Also if it has the name of the first run's text, which is in that run's file; without a name, on that one."""
    first, new = tmp_path / "first", POEM[::-1]
    main(arguments(poem, first, 5))
    (tmp_path / "poem.txt").write_text(new)
    begin = ["train", "--init-from", str(first), "--device", "numpy", "--steps", "2"]
    for name, expected, flags in (
        ("flag", new, ["--data", poem]),
        ("field", new, ["--data.source", poem]),
        ("none", POEM, []),
    ):
        assert main([*begin, "--out", str(tmp_path / name), *flags]) == 0
        assert open_run(tmp_path / name).text.text == expected, name
    file = tmp_path / "mine.toml"
    (tmp_path / "other.txt").write_text(new * 2)
    model = open_run(first).experiment.to_toml().partition("[model]")[2].partition("[optim]")[0]
    file.write_text(f'[data]\nsource = "{tmp_path / "other.txt"}"\n[model]{model}')
    error = refused(capsys, *begin, file, "--out", tmp_path / "file")
    assert "mine.toml sets" in error and ": leave it out of the file, and choose another with --data" in error
    assert main([*begin, str(file), "--data", poem, "--out", str(tmp_path / "file")]) == 0
    assert open_run(tmp_path / "file").text.text == new
    file.write_text(file.read_text().replace("other.txt", "poem.txt"))
    assert main([*begin, str(file), "--out", str(tmp_path / "same")]) == 0
    assert open_run(tmp_path / "same").text.text == new


def test_a_run_with_initial_weights_keeps_their_tokenizer_and_model(tmp_path, poem, capsys):
    first, out = tmp_path / "first", tmp_path / "new"
    main(arguments(poem, first, 2))
    begin = ["train", "--init-from", first, "--data", poem, "--device", "numpy", "--steps", "2", "--out", out]
    for name, value in ("tokenizer", "bpe"), ("vocab-size", "300"):
        error = refused(capsys, *begin, f"--data.{name}", value)
        assert f"data.{name.replace('-', '_')}: " in error and "leave it out" in error
    assert "the weights to begin with are those of a model with 1" in refused(capsys, *begin[:1], "small", *begin[1:])
    shards = tmp_path / "shards"
    main(["prepare", poem, "--out", str(shards), "--encoding", "char", "--shard-size", "2000"])
    begin[begin.index(poem)] = shards
    assert "were prepared with char, not byte" in refused(capsys, *begin, "--data.tokenizer", "byte")
    assert not out.exists()


@pytest.mark.slow
def test_documents_after_a_stream_are_refused_in_the_words_of_the_command_line(tmp_path, poem, capsys):
    first, out = tmp_path / "first", str(tmp_path / "out")
    assert main(["train", "--data", poem, "--steps", "1", "--device", "numpy", "--out", str(first), *QUICK]) == 0
    after = f"the run in {first} was trained on a stream, so its tokenizer has no delimiter for documents; use "
    for source in ["--data", "task:addition"], ["--data", poem, "--data.layout", "documents"]:
        assert main(["train", "--init-from", str(first), *source, "--device", "numpy", "--out", out]) == 1
        said = capsys.readouterr().err
        assert after + "--data.layout stream, or train the first run with --data.layout documents" in said
    hf = str(tmp_path / "hf")
    assert (
        main(
            [
                "import",
                "nanogpt",
                str(GOLDENS / "nanogpt" / "ckpt.pt"),
                hf,
                "--meta",
                str(GOLDENS / "nanogpt" / "meta.pkl"),
            ]
        )
        == 0
    )
    assert main(["train", "--init-from", hf, "--data", "task:addition", "--device", "numpy", "--out", out]) == 1
    assert f"the run in {hf} was imported, and names no token that begins or ends a text" in capsys.readouterr().err


def test_ctrl_c_at_any_moment_of_the_start_prints_no_traceback(tmp_path, poem):
    """From the moment that the package begins to be imported; what Python itself does before cannot be caught."""
    for moment in range(12):
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "pygpt", *arguments(poem, tmp_path / "run", 100_000)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        while "pygpt.cli" not in process.stderr.readline():
            assert process.poll() is None
        time.sleep(0.04 * moment)
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=30)[1]
        # Both are 130 for a shell: Python ends by the signal itself if it came during an exec, as in a dataclass.
        assert process.returncode in (130, -signal.SIGINT) and "Traceback" not in error, error[-2000:]


@pytest.mark.slow
def test_a_terminal_that_is_closed_loses_nothing(tmp_path, poem):
    """It sends SIGHUP, and takes no more output: the progress bar has nowhere to go."""
    out, (terminal, end) = tmp_path / "run", os.openpty()
    streams = {"stdin": end, "stdout": end, "stderr": end, "env": {**os.environ, "TERM": "xterm"}}
    # A session of its own, whose terminal is the one that is closed.
    take = (
        "import os, sys; os.setsid(); os.close(os.open(os.ttyname(0), os.O_RDWR)); os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-m", "pygpt", *arguments(poem, out, 1_000_000)]
    process = subprocess.Popen([sys.executable, "-c", take, *command], **streams)
    os.close(end)
    wait_for_lines(process, out, 30)
    assert b"training" in os.read(terminal, 10_000)
    os.close(terminal)
    assert process.wait(timeout=30) == 128 + signal.SIGHUP
    assert open_run(out).step >= 30
