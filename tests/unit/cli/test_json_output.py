"""What `--json` prints is JSON, also where a number is not finite."""

import json
from pathlib import Path

import numpy as np
import pytest

import pygpt.cli
from pygpt.cli.eval import EvalCommand
from pygpt.cli.show import ShowCommand
from pygpt.devices.numpy import NumpyDevice
from pygpt.runs.safetensors import Entry, read_safetensors, write_safetensors
from tests.tiny_runs import poem_run


@pytest.fixture
def strange(tmp_path):
    """A run whose weights are finite but so large that its losses are not, and whose provenance has NaN."""
    entries, metadata = read_safetensors(poem_run(NumpyDevice()).checkpoint())
    for name in ("embedding.tokens", "norm.weight"):
        size = np.prod(entries[name].shape, dtype=int)
        values = np.where(np.arange(size) % 2, 3e38, -3e38).astype("float32")
        entries[name] = Entry("F32", entries[name].shape, values.tobytes())
    metadata["provenance"] = metadata["provenance"].replace('"seed": ', '"took": NaN, "rates": [1.0, 1e999], "seed": ')
    path = tmp_path / "model.safetensors"
    path.write_bytes(write_safetensors(entries, metadata))
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": NaN, "lr": 0.1, "ms": 2.0}\n')
    return tmp_path


@pytest.mark.parametrize("command", [ShowCommand, EvalCommand])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_not_finite_is_null(command, strange, capsys):
    assert command(strange, json=True).run() == 0
    printed = capsys.readouterr().out
    refused = []
    result = json.loads(printed, parse_constant=refused.append)
    assert not refused
    if command is ShowCommand:
        assert result["provenance"]["took"] is None and result["provenance"]["rates"] == [1.0, None]
    else:
        assert result["loss"] is None


def test_every_command_prints_json_in_the_same_way():
    files = {path.stem: path.read_text() for path in Path(pygpt.cli.__file__).parent.glob("*.py")}
    with_json = {name for name, text in files.items() if "json: bool" in text}
    assert with_json >= {"bench", "devices", "eval", "plan", "show"}
    assert all("print(json_text(" in files[name] and "print(json.dumps(" not in files[name] for name in with_json)
