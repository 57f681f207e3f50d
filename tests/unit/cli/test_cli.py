"""The commands, run as a user types them."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import pygpt
from pygpt.cli import main
from pygpt.errors import PygptError
from pygpt.runs.run_folder import open_run
from tests.tiny_runs import POEM

TINY = [
    "--model.n-layer",
    "1",
    "--model.n-head",
    "2",
    "--model.n-embd",
    "16",
    "--model.block-size",
    "8",
    "--train.batch-size",
    "4",
    "--train.eval-batches",
    "2",
    "--train.eval-every",
    "10",
]


@pytest.fixture
def poem(tmp_path):
    path = tmp_path / "poem.txt"
    path.write_text(POEM)
    return str(path)


def run_pygpt(*arguments, cwd=None, check=True, encoding="utf-8"):
    """Run a command. Return its output, or with check=False the completed process."""
    process = subprocess.run(
        [sys.executable, "-m", "pygpt", *map(str, arguments)],
        capture_output=True,
        cwd=cwd,
        encoding=encoding,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONIOENCODING": encoding},
    )
    if check:
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout
    return process


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_profile_is_printed_and_written(tmp_path, poem):
    out = tmp_path / "run"
    output = run_pygpt(
        "train", "baby", "--data", poem, "--device", "numpy", "--steps", 20, "--out", out, "--profile", *TINY
    )
    assert "% of peak" in output and "matmul" in output and str(out / "profile.json") in output
    events = json.loads((out / "profile.json").read_text())["traceEvents"]
    assert {"matmul", "adamw"} <= {event["name"] for event in events}
    # Profiling does not change the losses.
    other = tmp_path / "other"
    run_pygpt("train", "baby", "--data", poem, "--device", "numpy", "--steps", 20, "--out", other, *TINY)
    assert [row["loss"] for row in metrics(out)] == [row["loss"] for row in metrics(other)]


@pytest.mark.slow
def test_what_the_context_leaves_out_of_documents_is_said(tmp_path, monkeypatch, capsys):
    """Everything after the first block of a document was left out of training and evaluation without a word."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.txt").write_text("abcdefghijklmnopqrst\n" * 10 + "ab\n" * 10)
    lines = ["--data", "lines.txt", "--data.layout", "documents", *TINY, "--model.block-size", "4"]
    # Twenty letters and the end, of which four are predicted, and two letters with theirs.
    said = "10 of 20 documents are longer than the context of 4: 71 % of the tokens are left out"
    assert main(["plan", *lines]) == 0
    assert said in " ".join(capsys.readouterr().out.split())
    assert main(["plan", *lines, "--json"]) == 0
    cut = {"block_size": 4, "documents": 20, "longer": 10, "predictions": 240, "left_out": 170}
    assert json.loads(capsys.readouterr().out)["cut_documents"] == cut
    assert main(["train", *lines, "--steps", "1", "--device", "numpy", "--out", "run"]) == 0
    assert said in capsys.readouterr().out
    assert main(["eval", "run", "--device", "numpy"]) == 0
    assert "1 of 2 documents is longer than the context of 4: 71 %" in capsys.readouterr().out
    assert main(["eval", "run", "--device", "numpy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cut_documents"]["left_out"] == 17


def test_train_sample_eval(tmp_path, poem):
    out = tmp_path / "run"
    output = run_pygpt(
        "train",
        "baby",
        "--data",
        poem,
        "--device",
        "numpy",
        "--steps",
        20,
        "--seed",
        3,
        "--log-every",
        5,
        "--out",
        out,
        *TINY,
    )
    assert "validation loss" in output and f"pygpt sample {out}" in output
    rows = metrics(out)
    assert [row["step"] for row in rows] == [5, 10, 15, 20]
    assert [row["step"] for row in rows if "val_loss" in row] == [10, 20]
    assert all(isinstance(row[name], (int, float)) for row in rows for name in ("step", "loss", "lr", "ms"))
    experiment = pygpt.Experiment.from_toml((out / "experiment.toml").read_text())
    assert (experiment.train.steps, experiment.train.seed, experiment.model.n_embd) == (20, 3, 16)

    first, second = (
        run_pygpt("sample", out, "--prompt", "Twinkle", "--max-new-tokens", 30, "--seed", 5) for _ in range(2)
    )
    assert first == second and first.startswith("Twinkle") and len(first) == len("Twinkle") + 30 + 1
    assert run_pygpt("sample", out, "--num-samples", 2, "--max-new-tokens", 10).count("\n") >= 3

    result = json.loads(run_pygpt("eval", out, "--json"))
    assert abs(result["loss"] - rows[-1]["val_loss"]) < 0.5
    assert abs(np.exp(result["loss"]) - result["perplexity"]) < 1e-6
    assert "perplexity" in run_pygpt("eval", out, "--data", poem)


def test_flags_override_an_experiment_file(tmp_path, poem):
    file = tmp_path / "mine.toml"
    file.write_text('[model]\nkind = "bigram"\nblock_size = 4\n[train]\nsteps = 7\n')
    run_pygpt("train", file, "--data", poem, "--device", "numpy", "--train.steps", 9, "--out", tmp_path / "run")
    experiment = pygpt.Experiment.from_toml((tmp_path / "run" / "experiment.toml").read_text())
    assert (experiment.model.kind, experiment.model.block_size, experiment.train.steps) == ("bigram", 4, 9)


@pytest.mark.parametrize("name", ["../../evil", "{outside}/evil", "..", "a/b", "x\x1b[31m"])
def test_a_name_in_a_file_does_not_decide_where_files_are_written(name, tmp_path, poem, monkeypatch, capsys):
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    name = name.format(outside=tmp_path)
    (inside / "mine.toml").write_text(pygpt.Experiment(name=name).to_toml())
    assert main(["train", "mine.toml", "--data", poem, "--steps", "1", "--device", "numpy", *TINY]) == 0
    (folder,) = (inside / "runs").iterdir()
    # And neither does the name in the file of a run.
    once = ["--steps", "1", "--device", "numpy", "--train.batch-size", "4", "--train.eval-batches", "2"]
    assert main(["train", "--init-from", str(folder), *once]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"a", "poem.txt"}
    assert {path.name for path in inside.iterdir()} == {"mine.toml", "runs"}
    assert sorted(path.name for path in (inside / "runs").iterdir()) == [folder.name, f"{folder.name}-2"]


def test_an_experiment_file_can_begin_with_byte_order_marks(tmp_path):
    from pygpt.cli.flags import read_experiment

    file = tmp_path / "mine.toml"
    for marks in range(3):
        file.write_bytes(b"\xef\xbb\xbf" * marks + b"[train]\nsteps = 7\n")
        assert read_experiment(str(file)).train.steps == 7
    file.write_bytes("[train]\nsteps = 7\n".encode("utf-16"))
    with pytest.raises(PygptError, match="mine.toml is in UTF-16: save it as UTF-8"):
        read_experiment(str(file))


def test_a_data_set_sets_its_layout():
    from pygpt.cli.train import TrainCommand

    command = TrainCommand(source="names").with_defaults()
    assert command.with_layout(["--data", "names"]).experiment().data.layout == "documents"
    assert command.with_layout(["--data", "names", "--data.layout", "stream"]).experiment().data.layout == "stream"
    assert TrainCommand(source="tales").with_defaults().with_layout([]).experiment().data.layout == "stream"


def test_an_older_run_in_the_folder_is_set_aside(tmp_path, poem):
    for _ in range(2):
        output = run_pygpt(
            "train", "bigram", "--data", poem, "--device", "numpy", "--steps", 2, "--out", tmp_path / "run"
        )
    assert "model.1.safetensors" in output and (tmp_path / "run" / "model.1.safetensors").exists()


@pytest.mark.slow
def test_a_run_resumed_after_ctrl_c_equals_an_uninterrupted_one(tmp_path, poem):
    def arguments(out):
        return [
            "train",
            "baby",
            "--data",
            poem,
            "--device",
            "numpy",
            "--steps",
            "3000",
            "--log-every",
            "1",
            "--out",
            str(out),
            *TINY,
        ]

    uninterrupted, resumed = tmp_path / "uninterrupted", tmp_path / "resumed"
    run_pygpt(*arguments(uninterrupted))
    process = subprocess.Popen([sys.executable, "-m", "pygpt", *arguments(resumed)], stdout=subprocess.PIPE, text=True)
    log = resumed / "metrics.jsonl"
    # Interrupt after some training, and well before the end.
    while not log.exists() or len(log.read_text().splitlines()) < 100:
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130 and f"pygpt train --resume {resumed}" in output
    # In an evaluation, the line of the last step waits for its end.
    last_step = open_run(resumed).step
    assert 100 <= last_step < 3000 and metrics(resumed)[-1]["step"] in (last_step - 1, last_step)
    assert f"Continuing from step {last_step:,}" in run_pygpt("train", "--resume", resumed, "--device", "numpy")

    def losses(folder):
        return [(row["step"], row["loss"], row.get("val_loss")) for row in metrics(folder)]

    assert losses(resumed) == losses(uninterrupted)

    # The loss curve in the file is the same too, and equally thinned.
    curves = [pygpt.load(folder).checkpoint.curve for folder in (uninterrupted, resumed)]
    assert curves[0].stride == 2 and curves[0].tables() == curves[1].tables()
    # Without a log, as in a file that the lab saved, `show` uses the curve in the file.
    log.unlink()
    assert re.search(
        r"training curve +█[▁-█]{31}  \d\.\d\d to \d\.\d\d *\n", run_pygpt("show", resumed, encoding="utf-8")
    )
    assert json.loads(run_pygpt("show", resumed, "--json"))["losses"]["training"]["step"] == 3000
    assert "█" not in run_pygpt("show", resumed, encoding="ascii")


def test_devices():
    listed = json.loads(run_pygpt("devices", "--json"))
    assert {"numpy"} <= {device["device"] for device in listed["devices"]}
    assert listed["auto"]["device"] in ("numpy", "webgpu") and listed["auto"]["why"]
    assert "auto    chooses" in run_pygpt("devices")


ERRORS = [
    (["train", "smal"], "there is no preset 'smal' (did you mean 'small'?)"),
    (["train", "--data", "shakespear"], "shakespeare"),
    (
        ["train", "--data", "caf\udce9.txt"],
        "has a byte that is not UTF-8; if it is the name of a file, rename the file",
    ),
    (["train", "--model.n-embd", "130"], "model.n_embd: 130 cannot be divided among 4 heads"),
    (["train", "--model.n-layer", "-2"], "model.n_layer: -2 is outside 1 to 512"),
    (["train", "--model.n-embd", "65536", "--model.n-head", "512", "--model.n-layer", "500"], "TB"),
    (["train", "--train.batch-size", "0"], "train.batch_size: 0 is outside 1 to 65,536"),
    (["train", "--data", "{empty}"], "empty"),
    (["train", "--data", "{short}"], "context length"),
    (["train", "--data", "{poem}", "--out", "/proc/nowhere"], "cannot be written"),
    (["train", "nothing.toml"], "nothing.toml cannot be read: No such file or directory"),
    (["train", "--resume", "{nothing}"], "there is no run at"),
    (["serve", "--port", "99999"], "port: 99999 is outside 0 to 65535"),
    (["serve", "--max-upload", "0"], "max_upload: expected at least 1, in MB, got 0"),
    (["serve", "--max-upload", "-5"], "max_upload: expected at least 1, in MB, got -5"),
    (["serve", "--folder", ""], "folder: expected the path of a folder, got an empty text"),
    (["serve", "--host", "nosuch.invalid"], "--host nosuch.invalid is not an address of this machine"),
    (["lab", "--port", "-1"], "port: -1 is outside 0 to 65535"),
    (["train", "--save-every", "-1"], "save-every: -1.0 is not a number of seconds"),
    (["train", "--save-every", "inf"], "save-every: inf is not a number of seconds"),
    (["train", "--optim.learning-rate", "inf"], "optim.learning_rate: expected a finite number, got inf"),
    (["sample", "{nothing}", "--temperature", "inf"], "temperature: expected a finite number, got inf"),
    *(
        (
            ["bench", "--seconds", value],
            f"seconds: the measuring time must be above 0 and at most 86,400 seconds, not {value}",
        )
        for value in ("inf", "nan", "0", "-1", "1e+300")
    ),
    (["train", "--data", ""], "data: it is empty, as from a variable that is not set"),
    (["train", "{no toml}"], "no.toml: this is not TOML: "),
    (["train", "{true toml}"], "train.steps: expected a whole number, got true"),
    (["train", "{date toml}"], "train.steps: expected a whole number, got the date or time 2020-01-31"),
    (["train", "{near toml}"], "train.stepz: there is no such field (did you mean 'steps'?)\n"),
    (["sample", "{nothing}", "--seed", "-1"], "seed: -1 is outside 0 to 4,294,967,295"),
    (["sample", "{nothing}", "--seed", "4294967296"], "seed: 4,294,967,296 is outside 0 to 4,294,967,295"),
    (["sample", "{nothing}"], "there is no run at"),
    (["sample", "x" * 300], "cannot be read: File name too long"),
    (["sample", "{foreign}"], "foreign.safetensors: this is not a safetensors file"),
    (["eval", "{foreign}"], "foreign.safetensors: this is not a safetensors file"),
    (["train", "--resume", "{foreign}"], "foreign.safetensors: this is not a safetensors file"),
]


@pytest.mark.parametrize("arguments, message", ERRORS, ids=[" ".join(arguments) for arguments, _ in ERRORS])
def test_an_error_is_one_sentence_on_standard_error(arguments, message, tmp_path, poem):
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "short.txt").write_text("too short")
    (tmp_path / "foreign.safetensors").write_bytes(b"something else entirely")
    values = {"true": "steps = true", "date": "steps = 2020-01-31", "near": "stepz = 1"}
    tomls = {"no": "no table", **{name: f"[train]\n{line}" for name, line in values.items()}}
    for name, content in tomls.items():
        (tmp_path / f"{name}.toml").write_text(content)
    paths = {
        "poem": poem,
        "empty": tmp_path / "empty.txt",
        "short": tmp_path / "short.txt",
        "nothing": tmp_path / "nothing",
        **{f"{name} toml": tmp_path / f"{name}.toml" for name in tomls},
        "foreign": tmp_path / "foreign.safetensors",
    }
    done = run_pygpt(
        *(argument.format(**paths) for argument in arguments),
        *([] if arguments[0] == "lab" else ["--device", "numpy"]),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert message in done.stderr and done.stderr.startswith("pygpt: ") and "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["train", "--no-such-flag"], ["train", "--device", "abacus"], ["nonsense"]])
def test_unknown_flags_and_commands_are_rejected(arguments):
    done = run_pygpt(*arguments, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_diverged_run_keeps_the_last_good_checkpoint(tmp_path, poem):
    out = tmp_path / "run"
    run_pygpt("train", "baby", "--data", poem, "--device", "numpy", "--steps", 10, "--out", out, *TINY)
    good = (out / "model.safetensors").read_bytes()
    # The same run, longer, at a learning rate that diverges.
    done = run_pygpt(
        "train",
        "baby",
        "--data",
        poem,
        "--device",
        "numpy",
        "--steps",
        200,
        "--out",
        tmp_path / "bad",
        "--optim.learning-rate",
        100,
        "--optim.weight-decay",
        10,
        "--optim.grad-clip",
        0,
        "--optim.warmup-steps",
        0,
        "--optim.schedule",
        "constant",
        *TINY,
        check=False,
    )
    assert done.returncode == 1 and "training cannot continue from here" in done.stderr
    assert (out / "model.safetensors").read_bytes() == good
    if (tmp_path / "bad" / "model.safetensors").exists():
        assert np.isfinite(pygpt.load(tmp_path / "bad", "numpy").logits([[1, 2]])).all()


def test_a_prompt_with_an_unknown_character_is_an_error(tmp_path, poem):
    run_pygpt("train", "bigram", "--data", poem, "--device", "numpy", "--steps", 2, "--out", tmp_path / "run")
    done = run_pygpt("sample", tmp_path / "run", "--prompt", "§", check=False)
    assert done.returncode == 1 and "§" in done.stderr and done.stdout == ""


def test_without_a_webgpu_adapter(monkeypatch):
    from pygpt.devices import open_device, wgpu
    from pygpt.errors import AdapterError, DeviceError

    monkeypatch.setattr(wgpu, "adapters", list)
    with pytest.raises(AdapterError, match="or use --device numpy"):
        open_device("webgpu")
    assert open_device("auto").why == "no WebGPU adapter was found"
    with pytest.raises(DeviceError, match="there is no device 'abacus'"):
        open_device("abacus")


def test_sample_into_a_closed_pipe_prints_no_error(tmp_path, poem):
    run_pygpt("train", "bigram", "--data", poem, "--device", "numpy", "--steps", 2, "--out", tmp_path / "run")
    command = f"{sys.executable} -m pygpt sample {tmp_path / 'run'} --max-new-tokens 3000 | head -c 5"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert len(done.stdout) == 5 and done.stderr == ""
