"""Files that other processes, crashes and full disks would leave half written; and files of other programs."""

import os
import signal
import subprocess
import sys

import pytest

from pygpt.errors import PygptError
from pygpt.utils.encoding import decode_utf8
from pygpt.utils.files import append, file_name, remove_unfinished, write_atomically
from pygpt.utils.folder_lock import lock_folder

HOLD = "import sys, time; from pathlib import Path; from pygpt.utils.folder_lock import lock_folder\n"
HOLD += "held = lock_folder(Path(sys.argv[1]), 'x'); print('held', flush=True); time.sleep(60)"


def test_a_folder_is_locked_until_its_process_dies(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    message = rf"in use by another pygpt \(process {holder.pid}\): wait until it has ended, or choose another with --x"
    with pytest.raises(PygptError, match=message):
        lock_folder(tmp_path, "choose another with --x")
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with lock_folder(tmp_path, ""):  # the file that the dead process left is no obstacle
        with pytest.raises(PygptError, match=f"process {os.getpid()}"):
            lock_folder(tmp_path, "")
    lock_folder(tmp_path, "").close()


def test_python_without_locks_locks_nothing(tmp_path, monkeypatch):
    for name in "fcntl", "msvcrt":
        monkeypatch.setitem(sys.modules, name, None)  # as in a tab
    with lock_folder(tmp_path, ""), lock_folder(tmp_path, ""):
        pass


@pytest.mark.parametrize(
    "name, safe",
    [
        ("baby", "baby"),
        ("Märchen, 2nd try_v1.5", "Märchen, 2nd try_v1.5"),
        ("../../evil", "evil"),
        ("/etc/evil", "etc-evil"),
        ("..", ""),
        ("..\\evil", "evil"),
        ("C:evil", "C-evil"),
        ("a\x00b\x1b[31mc\nd\u202ee", "a-b-[31mc-d-e"),
        (".hidden", "hidden"),
        ("nul.txt", "nul.txt-"),
        ("ä" * 200, "ä" * 50),
        (" \t", ""),
    ],
)
def test_a_name_becomes_one_component_of_a_path(name, safe):
    assert file_name(name) == safe


def test_unfinished_files_of_killed_processes_are_removed(tmp_path):
    for name in ("model.safetensors.17.new", "model.safetensors.17-0123abcd.new", "mine.new", "model.17.safetensors"):
        (tmp_path / name).write_text("")
    write_atomically(tmp_path / "model.safetensors", b"whole")
    (tmp_path / "report.2024.new").write_text("")
    remove_unfinished(tmp_path, ["model.safetensors"])
    assert (tmp_path / "report.2024.new").exists()
    remove_unfinished(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "mine.new", "model.17.safetensors"}


@pytest.mark.parametrize("write", [write_atomically, append])
def test_a_refused_write_changes_nothing(tmp_path, write):
    """The limit refuses a file after 1,000 bytes, as a full disk does."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "log"
    path.write_bytes(b"before\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError):
            write(path, b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"before\n" and [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("marks", [0, 1, 2])
def test_byte_order_marks_are_dropped(marks):
    assert decode_utf8("a.toml", b"\xef\xbb\xbf" * marks + "é = 1".encode()) == "é = 1"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_other_encodings_are_named(encoding):
    expected = "a.toml is not UTF-8: byte 0xe9 at offset 0" if encoding == "latin-1" else encoding.upper()
    with pytest.raises(PygptError, match=expected):
        decode_utf8("a.toml", "é = 1".encode(encoding))
