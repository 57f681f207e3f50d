"""Names and characters that a shell, a terminal, rich or another encoding would change: a command that is printed runs
as it is printed."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from pygpt.cli import main
from pygpt.cli.flags import read_experiment
from pygpt.cli.output import ERRORS
from pygpt.errors import PygptError
from tests.tiny_runs import POEM


def run(*arguments, encoding="utf-8", cwd=None, **options):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "pygpt", *arguments]
    return subprocess.run(command, capture_output=True, env=environment, cwd=cwd, **options)


NAMES = [
    b"notes[draft].txt",
    b"[bold]x[red].txt",
    b"a :fire: b.txt",
    b"caf\xc3\xa9's $HOME.txt",
    b"-dash.txt",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_the_commands_that_are_printed_run_as_they_are(tmp_path, name):
    (tmp_path / os.fsdecode(name)).write_text(POEM)
    out = name.removesuffix(b".txt")
    data, flag = (b"--data=" + name, b"--out=" + out)
    done = run("train", "bigram", data, flag, "--steps", "2", "--device", "numpy", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"text    " + name in done.stdout and b"folder  " + out + b"\n" in done.stdout
    printed = done.stdout.splitlines()[-1].decode().strip()
    assert printed.startswith("pygpt sample ")
    command = printed.replace("pygpt", f"{sys.executable} -m pygpt", 1) + " --max-new-tokens 5"
    again = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True)
    assert again.returncode == 0 and len(again.stdout) == 6, again.stderr


def test_a_name_that_is_not_utf_8(tmp_path):
    """A folder can have it. A text cannot: its name is stored as text."""
    (tmp_path / "poem.txt").write_text(POEM)
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text(POEM)
    done = run("train", "bigram", "--data", "poem.txt", "--out", b"caf\xe9", "--steps", "2", cwd=tmp_path)
    assert done.returncode == 0 and b"pygpt sample 'caf\xe9'" in done.stdout
    assert run("show", b"caf\xe9", cwd=tmp_path).returncode == 0
    done = run("train", "bigram", "--data", b"caf\xe9.txt", "--out", "new", cwd=tmp_path)
    assert done.returncode == 1 and b"has a byte that is not UTF-8; if it is the name of a file, rename" in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_an_output_that_lacks_characters_gets_escapes(tmp_path, encoding):
    (tmp_path / "poem.txt").write_text("ねこ é\n" * 200, encoding="utf-8")
    common = {"encoding": encoding, "cwd": tmp_path}
    done = run("train", "bigram", "--data", "poem.txt", "--out", "\N{CAT}", "--steps", "2", **common)
    assert done.returncode == 0 and rb"folder  \U0001f408" in done.stdout
    commands = (["sample", "\N{CAT}", "--prompt", "ね"], ["eval", "\N{CAT}"], ["show", "\N{CAT}"], ["plan"])
    for command in commands if encoding == "ascii" else commands[:1]:
        done = run(*command, **common)
        assert done.returncode == 0 and done.stdout, done.stderr
    assert re.search(rb"\\u3053", run("sample", "\N{CAT}", "--max-new-tokens", "200", **common).stdout)
    done = run("sample", "\N{CAT}", "--prompt", "犬", **common)
    assert done.returncode == 1 and rb"\u72ac" in done.stderr


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", "é€".encode() + b"\xe9\\ud800"),
        ("ascii", rb"\xe9\u20ac" + b"\xe9\\ud800"),
        ("cp1252", b"\xe9\x80\xe9\\ud800"),
    ],
)
def test_every_string_can_be_encoded(encoding, expected):
    """A byte of a name stays as it is; a character that the encoding lacks is escaped."""
    assert "é€\udce9\ud800".encode(encoding, ERRORS) == expected


@pytest.mark.slow
def test_home_in_paths(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "poem.txt").write_text(POEM)
    (tmp_path / "mine.toml").write_text('[data]\nsource = "~/poem.txt"\n[model]\nkind = "bigram"\n')
    assert main(["train", "~/mine.toml", "--steps", "2", "--out=~/run", "--device", "numpy"]) == 0
    assert main(["prepare", "~/poem.txt", "--encoding", "char", "--shard-size=2000", "--out=~/shards"]) == 0
    for command in (["sample", "~/run"], ["show", "~/run"], ["train", "--data=~/shards", "--steps=1", "--out=~/b"]):
        assert main(command) == 0
    # .cache holds the compiled kernels, unless an earlier test has loaded them.
    assert set(os.listdir(tmp_path)) - {".cache"} == {"b", "mine.toml", "poem.txt", "run", "shards"}


@pytest.mark.slow
def test_a_folder_named_like_home_is_that_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for out in ("./~", "./~/run"):
        assert main(["train", "bigram", "--steps", "2", f"--out={out}", "--device", "numpy"]) == 0
        assert main(["show", out]) == 0
        assert (tmp_path / out / "model.safetensors").is_file()
    assert main(["train", "bigram", "--steps", "2", "--out", "./~/other", "--device", "numpy"]) == 0
    assert not (tmp_path / "home" / "run").exists() and not (tmp_path / "home" / "other").exists()


@pytest.mark.parametrize("marks", [b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2])
def test_marks_at_the_start_of_a_toml_are_dropped(tmp_path, marks):
    path = tmp_path / "mine.toml"
    path.write_bytes(marks + b"[train]\nsteps = 7\n")
    assert read_experiment(str(path)).train.steps == 7


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[train]\n".encode("utf-16"), "is in UTF-16"),
        (b"name = '\xff'", "is not UTF-8: byte 0xff at offset 8"),
        (b" " * 2_000_000, "more than 1,000,000 bytes"),
        (None, "a pipe or a device"),
    ],
)
def test_what_is_no_toml_is_said(tmp_path, content, message):
    path = tmp_path / "mine.toml"
    os.mkfifo(path) if content is None else path.write_bytes(content)
    with pytest.raises(PygptError, match=message):
        read_experiment(str(path))
    with pytest.raises(PygptError, match="cannot be read: File name too long"):
        read_experiment("x" * 300 + ".toml")


@pytest.mark.slow
def test_a_closed_pipe_is_no_error(tmp_path):
    (tmp_path / "poem.txt").write_text(POEM)
    assert run("train", "bigram", "--data", "poem.txt", "--out", "run", "--steps", "2", cwd=tmp_path).returncode == 0
    for command in ("plan", "show run", "eval run", "sample run", "train --help"):
        line = f"set -o pipefail; {shlex.join([sys.executable, '-m', 'pygpt', *command.split()])} | true"
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b""), command
        line = f"{shlex.join([sys.executable, '-m', 'pygpt', *command.split()])} > /dev/full"
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True)
        assert (done.returncode, done.stderr) == (1, b"pygpt: the output failed: No space left on device\n"), command
