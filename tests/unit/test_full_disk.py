"""A disk that is full at any write of any command: nothing that was trained is lost, and only what is stated ends."""

import asyncio
import json
import shutil

import pytest

from pygpt.cli import main, training
from pygpt.runs.run_folder import open_run
from tests.full_disk.sitecustomize import Disk
from tests.tiny_runs import POEM
from tests.unit.session.test_runs import DRAFT, Recorded

TINY = (
    "--device numpy --model.n-layer 1 --model.n-head 2 --model.n-embd 16 --model.block-size 8 --train.batch-size 4"
    " --train.eval-batches 2 --train.eval-every 4 --log-every 1 --save-every 0"
    " --data.tokenizer bpe --data.vocab-size 270"
).split()
SHORT, LONG = 1, 12  # writes in a row that are refused: one, and more than a file takes
NEVER = 1 << 30


@pytest.fixture
def disk(tmp_path):
    """The disk beneath tmp_path/disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    disk = Disk(folder)
    disk.install()
    yield disk
    disk.remove()


@pytest.fixture
def train(tmp_path, monkeypatch):
    """The arguments that train in a folder."""
    monkeypatch.setattr(training, "RETRY_SECONDS", 0.0)
    poem = tmp_path / "poem.txt"
    poem.write_text(POEM)
    return lambda out, steps: ["train", "baby", "--data", str(poem), *TINY, "--out", str(out), "--steps", str(steps)]


def content(folder):
    """What a run folder holds, without times."""
    checkpoint = open_run(folder)
    weights = {name: bytes(data) for name, data in checkpoint.weights.items()}
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    losses = [(row["step"], row.get("loss"), row.get("val_loss")) for row in rows]
    return checkpoint.step, weights, losses, (folder / "experiment.toml").read_text()


def sweep(disk, prepare, arguments, check, capsys):
    """Run a command once for each of its writes, with that write, or also those after it, refused.

    `prepare()` makes what the command finds; `check(status)` looks at what it leaves. A command that fails does so in
    one sentence, and succeeds when it is given again. Returns how often it succeeded with a refused write.
    """
    prepare()
    disk.refuse(NEVER)
    assert main(arguments) == 0
    writes = disk.free()
    assert writes >= 4
    succeeded = 0
    for length, every in ((SHORT, 1), (LONG, 4)):
        for number in range(1, writes + 1, every):
            prepare()
            capsys.readouterr()
            disk.refuse(number, number + length - 1)
            status = main(arguments)
            disk.free()
            error = capsys.readouterr().err
            assert "Traceback" not in error, (number, length, error)
            assert not [*disk.folder.rglob("*.new")], (number, length)
            check(status)
            succeeded += not status
            if status:
                assert status == 1 and len(error.splitlines()) == 1, (number, length, error)
                assert "No space left on device" in error
                assert main(arguments) == 0
                check(0)
    return succeeded


def test_training_over_an_earlier_run(disk, train, tmp_path, capsys):
    earlier, out = tmp_path / "earlier", disk.folder / "run"
    main(train(earlier, 3))
    main(train(tmp_path / "whole", 5))
    whole = content(tmp_path / "whole")

    def prepare():
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(earlier, out)

    def check(status):
        kept = {path.read_bytes() for path in out.glob("model*.safetensors")}
        assert (earlier / "model.safetensors").read_bytes() in kept
        kept = {path.read_bytes() for path in out.glob("metrics*.jsonl")}
        assert (earlier / "metrics.jsonl").read_bytes() in kept
        assert status or content(out) == whole

    assert sweep(disk, prepare, train(out, 5), check, capsys)  # refused while it trains


def test_resuming_in_place_and_elsewhere(disk, train, tmp_path, capsys):
    earlier, run, other = tmp_path / "earlier", disk.folder / "run", disk.folder / "other"
    for folder in (earlier, tmp_path / "whole"):
        main(train(folder, 3))
    resume = ["--steps", "5", "--device", "numpy", "--save-every", "0"]
    main(["train", "--resume", str(tmp_path / "whole"), *resume])
    before, whole = content(earlier), content(tmp_path / "whole")
    for out in (run, other):

        def prepare():
            for folder in (run, other):
                shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(earlier, run)

        def check(status, out=out):
            if out is not run:
                assert content(run) == before
            if not status:
                assert content(out) == whole
            elif out is run:
                assert open_run(run).step == 3

        assert sweep(disk, prepare, ["train", "--resume", str(run), "--out", str(out), *resume], check, capsys)


def test_export_import_and_prepare(disk, train, tmp_path, capsys):
    run, exported, out = tmp_path / "run", tmp_path / "exported", disk.folder / "out"
    main(train(run, 2))
    main(["export", str(run), str(exported)])
    poem = tmp_path / "poem.txt"
    for command in (
        ["export", str(run), str(out)],
        ["import", "hf", str(exported), str(out)],
        ["prepare", str(poem), "--encoding", "bpe", "--vocab-size", "270", "--shard-size", "1000", "--out", str(out)],
    ):
        shutil.rmtree(out, ignore_errors=True)
        main(command)
        whole = sizes(out)

        def check(status, whole=whole):
            assert status or whole.items() <= sizes(out).items()

        sweep(disk, lambda: shutil.rmtree(out, ignore_errors=True), command, check, capsys)


def sizes(folder):
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def test_a_run_of_the_lab_on_a_server(disk):
    """A run that has no folder yet is given one as soon as there is room; one that is refused its last copy says so,
    and can be kept."""

    def train(name, first, last):
        disk.refuse(first, last)
        lab = Recorded(disk.folder / name)

        async def run():
            await lab.prepare()
            await lab.send({"type": "start", "experiment": DRAFT.to_dict()}, None)
            await asyncio.wait([lab.session.training.task, lab.session.training.baselines_task])
            writes = disk.free()
            if "No space" in str(lab.events):
                await lab.send({"type": "keep"}, None)
            return writes

        return asyncio.run(run()), lab

    writes, whole = train("whole", NEVER, NEVER)
    assert writes > 10 and not whole.all("error")
    steps = (disk.folder / "whole" / "baby-1" / "metrics.jsonl").read_bytes().count(b"\n")
    for length, every in ((SHORT, 1), (LONG, 4)):
        for number in range(1, writes + 1, every):
            name = f"w{number}-{length}"
            _, lab = train(name, number, number + length - 1)
            assert all("(No space left on device)" in error["message"] for error in lab.all("error"))
            assert lab.all("finished")[0]["step"] == lab.all("kept")[-1]["step"] == 40
            assert open_run(disk.folder / name / "baby-1").step == 40 and lab.steps() == whole.steps()
            assert (disk.folder / name / "baby-1" / "metrics.jsonl").read_bytes().count(b"\n") == steps, name
            assert not [*disk.folder.rglob("*.new")]
