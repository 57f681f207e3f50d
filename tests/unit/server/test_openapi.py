"""The HTTP interface is what /openapi.json says, for requests that schemathesis generates, right and wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import Serving
from tests.tiny_runs import POEM

pytest.importorskip("schemathesis", reason="schemathesis is in the extra `check`")

TINY = {"dataset": "poem", "n_layer": 1, "n_embed": 8, "n_head": 1, "block_size": 8, "batch_size": 1, "eval_iters": 1}
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def serving(tmp_path):
    """A server with a data set and a trained model."""
    with Serving(tmp_path / "served") as serving:
        serving.json("POST", "/ds/upload", 201, files={"file": ("poem.txt", POEM.encode())})
        serving.json("POST", "/lm/first/train", 202, json={**TINY, "max_iters": 2})
        list(serving.events("first"))
        yield serving


def check(serving, folder, *selection):
    """Run schemathesis on the selected paths; return its report, and whether it found nothing."""
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(CONFIG), "run", f"{serving.url}/openapi.json", *selection),
            *(
                "--phases",
                "examples,coverage,fuzzing",
                "--max-examples",
                "15",
                "--seed",
                "1",
                "--request-timeout",
                "20",
            ),
            *("--generation-database", "none", "--no-color"),
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
    )
    return run.stdout + run.stderr, run.returncode == 0


@pytest.mark.slow
def test_responses_are_as_documented(serving, tmp_path):
    # The events of a training that goes on have no end, so they are requested before there is one.
    report, passed = check(serving, tmp_path, "--include-path-regex", "/events$")
    assert passed, report
    # It keeps the generated trainings, which can be long, waiting.
    serving.json("POST", "/lm/endless/train", 202, json={**TINY, "max_iters": 1_000_000})
    report, passed = check(serving, tmp_path, "--exclude-path-regex", "/events$")
    assert passed, report
    assert serving.json("GET", "/lm/endless")["state"] == "training"
    assert not [line for line in serving.output if "Traceback" in line or "ERROR" in line], serving.output
