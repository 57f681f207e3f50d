"""The Dockerfile, read and held against the checkout. It is not built here: that takes Docker."""

import json
import tomllib
from pathlib import Path

import tyro

from pygpt.cli.serve import ServeCommand

ROOT = Path(__file__).resolve().parents[2]


def instructions():
    """(instruction, its words) of each line, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def stages():
    """The instructions of each stage."""
    found = []
    for instruction, words in instructions():
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, words))
    return found


def copied(stage):
    """What a stage copies from the checkout."""
    return [
        source
        for instruction, words in stage
        if instruction == "COPY" and "--from" not in words
        for source in words.split()[:-1]
    ]


def test_what_is_copied_is_there_and_let_through():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    for stage in stages():
        for source in copied(stage):
            assert (ROOT / source).exists() and source in let_through, source


def test_both_stages_have_what_the_package_is_made_of():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {"pyproject.toml", project["readme"], *project["license-files"], "pygpt", "shaders"}
    site, server = stages()
    assert needed <= set(copied(site)) and needed <= set(copied(server))
    assert {"build.py", "lab", "netlify.toml", "package.json", "package-lock.json"} <= set(copied(site))
    assert {"serve", "build"} <= set(project["optional-dependencies"])


def test_the_server_runs_as_the_command_is_and_not_as_root():
    found = dict(stages()[-1])
    command = json.loads(found["ENTRYPOINT"])
    assert command[:2] == ["pygpt", "serve"]
    serve = tyro.cli(ServeCommand, args=command[2:])
    assert serve.host == "0.0.0.0" and str(serve.port) == found["EXPOSE"] and str(serve.folder) == found["VOLUME"]
    assert f"{serve.site}" in [words.split()[-1] for instruction, words in instructions() if instruction == "COPY"]
    assert str(serve.site.parent / "netlify.toml") in [
        words.split()[-1] for instruction, words in instructions() if instruction == "COPY"
    ]
    assert f":{serve.port}/lm" in found["HEALTHCHECK"]
    order = [instruction for instruction, _ in stages()[-1]]
    assert found["USER"] not in ("root", "0") and order.index("USER") > max(
        index for index, instruction in enumerate(order) if instruction in ("RUN", "COPY")
    )
