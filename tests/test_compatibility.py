"""Runs, logs and server folders of an earlier version open, evaluate, generate and resume with the same results.

tests/goldens/compatibility/README.md describes the recordings. tests/lab/share_link.test.js tests share links.
"""

import json
import shutil
from pathlib import Path

import pytest

import pygpt
from pygpt.cli import main
from pygpt.config.experiment import Experiment
from pygpt.devices import open_device
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.run_folder import read_run
from pygpt.training.run import Run
from tests.serving import Serving

RECORDED = Path(__file__).parent / "goldens" / "compatibility"
RUNS = sorted(path.name for path in (RECORDED / "runs").iterdir())


def call(capsys, *arguments) -> str:
    """Run a command and return its output."""
    capsys.readouterr()
    assert main([*map(str, arguments)]) == 0
    return capsys.readouterr().out


def log(path: Path) -> list[dict]:
    """The lines of a metrics.jsonl."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def close(actual, recorded):
    """Whether values are equal up to rounding: the order of additions depends on the CPU."""
    if isinstance(recorded, float):
        return actual == pytest.approx(recorded, abs=1e-4)
    if isinstance(recorded, dict):
        return all(close(actual[name], value) for name, value in recorded.items())
    return actual == recorded


def test_all_recorded_runs_are_tested():
    assert RUNS == ["bigram_sgd", "bpe_muon", "documents_ema", "task_sort"]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_described_as_before(name, capsys):
    shown = json.loads(call(capsys, "show", RECORDED / "runs" / name, "--json"))
    assert close(shown, json.loads((RECORDED / f"{name}.show.json").read_text()))


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_evaluated_as_before(name, capsys):
    evaluated = json.loads(call(capsys, "eval", RECORDED / "runs" / name, "--json", "--device", "numpy"))
    recorded = json.loads((RECORDED / f"{name}.eval.json").read_text())
    assert evaluated.pop("device").startswith("NumPy") and recorded.pop("device").startswith("NumPy")
    if name == "documents_ema":  # whose documents are longer than its context; the baselines predicted all of them
        assert list(evaluated["baselines"]) == list(recorded["baselines"])
        recorded["baselines"] = {"uniform": recorded["baselines"]["uniform"]}
    assert close(evaluated, recorded)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_generates_the_same_text_as_before(name, capsys):
    generated = call(
        capsys, "sample", RECORDED / "runs" / name, "--device", "numpy", "--max-new-tokens", 40, "--temperature", 0
    )
    assert generated == (RECORDED / f"{name}.sample.txt").read_text()


@pytest.mark.parametrize("name", RUNS)
def test_a_run_resumes_as_before(name, capsys, tmp_path):
    folder = shutil.copytree(RECORDED / "runs" / name, tmp_path / name)
    call(capsys, "train", "--resume", folder, "--steps", 20, "--device", "numpy")
    lines, recorded = log(folder / "metrics.jsonl"), log(RECORDED / f"resumed_{name}" / "metrics.jsonl")
    compared = 0
    for before in recorded:
        now = next(
            line for line in lines if line["step"] == before["step"] and ("loss" in line or "loss" not in before)
        )
        for key in {"loss", "lr", "val_loss"} & before.keys():
            assert now.get(key) == pytest.approx(before[key], abs=1e-4), (before["step"], key)
            compared += 1
    assert compared > 4


def test_a_run_without_an_id_has_the_same_id_each_time_it_is_restored():
    data, device = read_run(RECORDED / "runs" / "bigram_sgd"), open_device("numpy")
    assert "run" not in read_checkpoint(data).provenance
    assert Run.restore(data, device).id == Run.restore(data, device).id


def test_an_experiment_file_is_read_as_before():
    for name in RUNS:
        folder = RECORDED / "runs" / name
        assert (
            Experiment.from_toml((folder / "experiment.toml").read_text())
            == read_checkpoint(read_run(folder)).experiment
        )


def test_the_package_loads_a_run_as_before():
    model = pygpt.load(RECORDED / "runs" / "documents_ema", "numpy")
    assert model.generate("", 40, temperature=0) == (RECORDED / "documents_ema.sample.txt").read_text().rstrip("\n")


def test_a_servers_folder_is_served_as_before(tmp_path):
    server = Serving(shutil.copytree(RECORDED / "server", tmp_path / "server"))
    try:
        assert "poems" in [entry["name"] for entry in server.json("GET", "/ds")["datasets"]]
        model = server.json("GET", "/lm/poet")
        assert model["state"] == "trained" and model["step"] == 20
        request = {"prompt": "the", "max_new_tokens": 8}
        assert len(server.client.post("/lm/poet/generate", json=request).text) == 8
    finally:
        server.end()
