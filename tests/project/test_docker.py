"""The Dockerfile agrees with the checkout. These tests do not build it: that needs Docker."""

import json
import tomllib
from pathlib import Path

import tyro

from pygpt.cli.serve import ServeCommand

ROOT = Path(__file__).resolve().parents[2]


def instructions():
    """(instruction, arguments) of each line, with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def stages():
    """The instructions of each stage."""
    result = []
    for instruction, words in instructions():
        if instruction == "FROM":
            result.append([])
        result[-1].append((instruction, words))
    return result


def copied(stage):
    """The paths that a stage copies from the checkout."""
    return [
        source
        for instruction, words in stage
        if instruction == "COPY" and "--from" not in words
        for source in words.split()[:-1]
    ]


def test_every_copied_path_exists_and_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    exceptions = {line[1:] for line in ignored if line.startswith("!")}
    for stage in stages():
        for source in copied(stage):
            assert (ROOT / source).exists() and source in exceptions, source


def test_both_stages_copy_the_package_sources():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {"pyproject.toml", project["readme"], *project["license-files"], "pygpt", "shaders"}
    site, server = stages()
    assert needed <= set(copied(site)) and needed <= set(copied(server))
    assert {"build.py", "lab", "netlify.toml", "package.json", "package-lock.json"} <= set(copied(site))
    assert {"serve", "build"} <= set(project["optional-dependencies"])


def test_the_entry_point_is_a_valid_command_and_does_not_run_as_root():
    server = dict(stages()[-1])
    command = json.loads(server["ENTRYPOINT"])
    assert command[:2] == ["pygpt", "serve"]
    serve = tyro.cli(ServeCommand, args=command[2:])
    assert serve.host == "0.0.0.0" and str(serve.port) == server["EXPOSE"] and str(serve.folder) == server["VOLUME"]
    assert f"{serve.site}" in [words.split()[-1] for instruction, words in instructions() if instruction == "COPY"]
    assert str(serve.site.parent / "netlify.toml") in [
        words.split()[-1] for instruction, words in instructions() if instruction == "COPY"
    ]
    assert f":{serve.port}'" in server["HEALTHCHECK"] and not serve.insecure
    order = [instruction for instruction, _ in stages()[-1]]
    assert server["USER"] not in ("root", "0") and order.index("USER") > max(
        index for index, instruction in enumerate(order) if instruction in ("RUN", "COPY")
    )
