"""Sharing a run from a session, and reproducing one: on NumPy, with a store in a folder."""

import asyncio

import pytest

from pygpt.runs.share_link import OWN, SharedRun, read_link, write_link
from pygpt.runs.shared_curve import SharedCurve
from pygpt.session import sampling
from pygpt.version import __version__
from tests.unit.session.test_runs import DRAFT, Recorded


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A session whose samples are short."""
    monkeypatch.setattr(sampling, "SAMPLE_LENGTH", 12)
    return Recorded(tmp_path / "run")


def reproduce(experiment, curve, sha256, version=__version__, device="numpy") -> dict:
    """The command that takes a link's curve."""
    return {
        "type": "reproduce",
        "experiment": experiment.to_dict(),
        "curve": curve,
        "sha256": sha256,
        "version": version,
        "device": device,
    }


def test_a_run_is_shared_reproduced_live_and_differs_under_another_seed(lab):
    async def story():
        await lab.train()
        await lab.send({"type": "share"}, None)
        shared, text = lab.all("shared")[0], lab.all("text")[-1]["text"]
        assert (shared["step"], shared["device"], shared["why"]) == (40, "numpy", "")
        curve = SharedCurve.unpacked(shared["curve"])
        link = write_link(SharedRun(DRAFT, OWN, text["sha256"], __version__, "numpy", curve))
        assert "train.steps=40" in link and read_link(link).curve == curve

        # What a page sends of the link: its settings, with the text of the page.
        await lab.send(reproduce(read_link(link).experiment, shared["curve"], text["sha256"]), None)
        assert [event["sentence"] for event in lab.all("compared")] == ["The same to 6 digits for all 40 steps."]
        await lab.train()
        compared = lab.all("compared")[1:]
        assert compared[0]["sentence"] == "Nothing to compare yet." and not compared[0]["done"]
        assert compared[-1]["sentence"] == "The same to 6 digits for all 40 steps." and compared[-1]["same"]
        assert {event["run_id"] for event in compared} == {lab.all("started")[-1]["run_id"]}

        other = [loss + 0.01 * (step > 7) for step, loss in enumerate(curve.losses, 1)]
        command = reproduce(DRAFT, SharedCurve(1, tuple(other)).packed(), "ab" * 32, "0.0.9", "webgpu")
        await lab.send(command, None)
        last = lab.all("compared")[-1]
        assert last["done"] and not last["same"] and last["sentence"].startswith("Differs from step 8 on: ")
        assert "there it was pygpt 0.0.9, on webgpu, the text with SHA-256 abababababab…, here" in last["sentence"]

        before = len(lab.all("compared"))
        await lab.train(DRAFT.with_fields(**{"train.seed": 9}))
        assert len(lab.all("compared")) == before, "another run than the link's is not compared with it"
        assert not lab.all("error")

    asyncio.run(story())


def test_a_run_is_exported_as_a_web_page(lab):
    async def story():
        await lab.train()
        await lab.send({"type": "export_html", "lab": "https://lab.example/"}, None)

    asyncio.run(story())
    exported = lab.all("exported")[0]
    assert exported["name"] == "baby-step40.html" and exported["step"] == 40
    page = lab.files[-1].decode()
    assert page.startswith("<!doctype html>") and "https://lab.example/#text=own" in page and "poem" not in page


def test_what_cannot_be_shared_or_reproduced_is_refused(lab):
    async def story():
        await lab.prepare()
        for command in ({"type": "share"}, {"type": "export_html", "lab": "https://lab.example/"}):
            await lab.send(command, None)
            assert "no run to share yet" in lab.all("error")[-1]["message"]
        await lab.send(reproduce(DRAFT, "1.AAA", ""), None)
        assert "damaged" in lab.all("error")[-1]["message"] and lab.session.sharing.expected is None

    asyncio.run(story())
