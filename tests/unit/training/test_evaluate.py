"""The results of an evaluation as numbers."""

import pytest

from pygpt.training.evaluate import Evaluation


def test_an_evaluation_in_other_units():
    """2 nats per token, 30 tokens for 80 bytes: 0.75 nats per byte, or 1.082 bits."""
    result = Evaluation(2.0, 30, 80, 0.25, 12, {"uniform": 4.0})
    assert result.perplexity == pytest.approx(7.389056)
    assert result.bits_per_byte() == pytest.approx(1.0820213) and result.bits_per_byte(4.0) == pytest.approx(2.1640426)
    assert result.to_dict() == {
        "predictions": 30,
        "bytes": 80,
        "loss": 2.0,
        "perplexity": pytest.approx(7.389056),
        "bits_per_byte": pytest.approx(1.0820213),
        "accuracy": 0.25,
        "questions": 12,
        "baselines": {"uniform": {"loss": 4.0, "bits_per_byte": pytest.approx(2.1640426)}},
    }


def test_without_questions_there_is_no_accuracy():
    assert not {"accuracy", "questions"} & Evaluation(2.0, 30, 80, None, 0, {}).to_dict().keys()
