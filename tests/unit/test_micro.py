"""The first lesson, pygpt/micro.py: its derivatives, training and sampling."""

import random
import sys

import pytest

from pygpt.micro import BLOCK, MicroGPT, Number, main

NAMES = "\n".join(first + rest for first in "bdklmrt" for rest in ("an", "essa", "illo", "om"))


@pytest.mark.slow
def test_gradients_match_finite_differences():
    model = MicroGPT(NAMES, n_layer=2)
    model.loss("bessatilloman").backward()
    gradients = [number.gradient for number in model.parameters]
    sample = random.Random(1).sample(range(len(model.parameters)), 60)
    assert sum(gradients[index] != 0 for index in sample) > 40
    for index in sample:
        number, losses = model.parameters[index], []
        for change in (1e-4, -2e-4):
            number.value += change
            losses.append(model.loss("bessatilloman").value)
        number.value += 1e-4
        assert gradients[index] == pytest.approx((losses[0] - losses[1]) / 2e-4, abs=1e-6)


def test_backward_handles_a_chain_longer_than_the_recursion_limit():
    start = end = Number(2.0)
    for _ in range(3 * sys.getrecursionlimit()):
        end = end * 1.0 + 0.0
    end.backward()
    assert start.gradient == 1.0


def test_it_learns_and_generates():
    model = MicroGPT(NAMES, seed=3)
    losses = list(model.train(steps=100))
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])
    texts = [model.generate() for _ in range(10)]
    assert all(len(text) <= BLOCK and set(text) <= set(NAMES) for text in texts) and len(set(texts)) > 3


def test_the_seed_determines_the_losses():
    first, second, other = (list(MicroGPT(NAMES, seed=seed).train(3)) for seed in (1, 1, 2))
    assert first == second != other


def test_it_runs_from_the_command_line(tmp_path, capsys):
    path = tmp_path / "names.txt"
    path.write_text(NAMES, encoding="utf-8")
    main(path, "5", "7")
    printed = capsys.readouterr().out
    assert "28 documents, 14 tokens" in printed and "step    5 of 5   loss" in printed
    assert len(printed.split("Generated documents:\n")[1].splitlines()) == 20
