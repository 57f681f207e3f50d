"""Zip archives of runs: what comes out is what went in, and what is no run or a danger is refused."""

import io
import zipfile

import pytest

from pygpt.errors import CheckpointError
from pygpt.runs.archive import runs_in, zip_bytes

FILES = {"baby/model.safetensors": b"weights" * 100, "baby/metrics.jsonl": b'{"step": 1}\n'}


def test_the_runs_of_a_class_are_found_in_one_archive():
    files = FILES | {
        "class/anna.safetensors": b"a",
        "class/ben.safetensors": b"b",
        "other/baby/model.safetensors": b"another",
        "__MACOSX/baby/._model.safetensors": b"finder",
        "baby/readme.txt": b"notes",
        "baby/checkpoints/10.safetensors": b"weights alone",
        "baby/checkpoints/best.safetensors": b"no checkpoint",
    }

    assert runs_in("class.zip", zip_bytes(files)) == {
        "baby": {name.removeprefix("baby/"): content for name, content in FILES.items()}
        | {"checkpoints/10.safetensors": b"weights alone"},
        "anna": {"model.safetensors": b"a"},
        "ben": {"model.safetensors": b"b"},
        "baby-2": {"model.safetensors": b"another"},
    }
    flat = {name.removeprefix("baby/"): content for name, content in FILES.items()}
    assert [*runs_in("my run.zip", zip_bytes(flat))] == ["my run"]


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/model.safetensors", "a\\..\\b", "C:/x", "a/../../b"])
def test_a_path_that_leads_out_of_the_archive_is_refused(name):
    with pytest.raises(CheckpointError, match="outside of itself"):
        runs_in("x.zip", zip_bytes(FILES | {name: b""}))


def test_a_bomb_is_refused_before_it_is_unpacked():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.safetensors", bytes(50 << 20))
    with pytest.raises(CheckpointError, match="would unpack from .* to 52"):
        runs_in("x.zip", buffer.getvalue())


@pytest.mark.parametrize("place", [0, 20, 60, 700, -30])
def test_a_damaged_archive_is_refused(place):
    data = bytearray(zip_bytes(FILES))
    data[place : place + 8 or None] = b"\xff" * 8
    try:
        found = runs_in("x.zip", bytes(data))
    except CheckpointError as error:
        assert str(error).startswith("x.zip ")
    else:  # perhaps without a file whose name is damaged
        assert found["baby"].items() <= {name[5:]: content for name, content in FILES.items()}.items()


def test_an_archive_without_a_run_says_so():
    with pytest.raises(CheckpointError, match="has no run"):
        runs_in("x.zip", zip_bytes({"notes.txt": b"no run"}))
    with pytest.raises(CheckpointError, match="is not a zip archive"):
        runs_in("x.zip", b"PK\x03\x04")
