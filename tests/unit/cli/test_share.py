"""`pygpt share` and `pygpt reproduce`."""

import pytest

from pygpt.cli import main

TRAIN = ["train", "bigram", "--steps=30", "--train.eval-every=30", "--train.eval-batches=1", "--device=numpy"]


@pytest.fixture
def share(tmp_path, monkeypatch, capsys):
    """Trains a run with the given flags, and returns the link that `pygpt share` prints."""
    monkeypatch.chdir(tmp_path)

    def train_and_share(*flags, share=("--curve",)):
        assert main([*TRAIN, "--data=words", *flags, "--out=sent"]) == 0
        capsys.readouterr()
        assert main(["share", "sent", *share]) == 0
        return capsys.readouterr().out.strip()

    return train_and_share


def test_a_link_with_a_curve_is_reproduced(share, capsys):
    link = share()
    assert link.startswith("http://127.0.0.1:8000/#preset=bigram&text=words&")
    assert main(["reproduce", link, "--device=numpy"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("The same to 6 digits for all 30 steps.\n") and "runs/bigram" in printed


def test_a_curve_that_differs_ends_with_status_1_and_the_cause(share, capsys):
    link = share("--optim.learning-rate=0.05")
    link = link.replace("optim.learning_rate=0.05", "optim.learning_rate=0.06").replace("pygpt=0.1.0", "pygpt=0.0.9")
    assert main(["reproduce", link, "--device=numpy", "--out=mine"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Differs from step ") and "there it was pygpt 0.0.9, here it is pygpt" in last


def test_a_private_text_is_asked_for_and_checked(share, tmp_path, capsys):
    (tmp_path / "secret.txt").write_text("A secret that nobody shall read. " * 60)
    (tmp_path / "other.txt").write_text("Something else that anybody can read. " * 60)
    link = share("--data=secret.txt")
    assert "text=own" in link and "secret" not in link
    assert main(["reproduce", link, "--device=numpy"]) == 1
    assert "give it with --data" in capsys.readouterr().err
    assert main(["reproduce", link, "--device=numpy", "--data=other.txt"]) == 1
    assert "is not the text of the link" in capsys.readouterr().err
    assert main(["reproduce", link, "--device=numpy", "--data=secret.txt"]) == 0
    assert "The same to 6 digits" in capsys.readouterr().out


def test_a_link_without_a_curve_has_nothing_to_reproduce(share, capsys):
    link = share(share=("--lab=https://lab.example/x/",))
    assert link.startswith("https://lab.example/x/#preset=bigram&") and "curve=" not in link
    assert main(["reproduce", link]) == 1
    assert "no curve to compare with" in capsys.readouterr().err


def test_a_run_with_the_weights_of_another_is_not_shared(share, tmp_path, capsys):
    share()
    assert main(["train", "--init-from=sent", "--steps=5", "--device=numpy", "--out=tuned"]) == 0
    assert main(["share", "tuned"]) == 1
    assert "weights of another run" in capsys.readouterr().err


def test_a_model_is_exported_as_a_web_page_and_no_file_is_lost(share, tmp_path, capsys):
    share()
    assert main(["export", "sent", "--to=html", "model.html", "--lab=https://lab.example/"]) == 0
    assert "Open it in a browser" in capsys.readouterr().out
    page = (tmp_path / "model.html").read_text()
    assert page.startswith("<!doctype html>") and 'href="https://lab.example/#preset=bigram' in page
    assert main(["export", "sent", "--to=html", "model.html"]) == 1
    assert "would be lost" in capsys.readouterr().err
    assert (tmp_path / "model.html").read_text() == page
