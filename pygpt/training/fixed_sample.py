"""The sample that a model writes along its training: one prompt and one seed, so that its texts can be compared."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pygpt.config.sampling import SamplingConfig
from pygpt.data import Text, hold_out, question_of
from pygpt.tokenizers import split_documents

if TYPE_CHECKING:
    from pygpt.training.run import Run

SAMPLE_LENGTH = 160  # tokens
TEMPERATURE, SEED = 0.8, 1


@dataclasses.dataclass(frozen=True)
class FixedSample:
    """The prompt of a run's samples, with the sampler's settings; of questions with answers, `expected` has both."""

    prompt: str
    config: SamplingConfig
    expected: str = ""

    @staticmethod
    def of(run: Run) -> FixedSample:
        """The sample of a run. A model that learns answers gets the first held-out question, and decodes greedily."""
        if run.val_batches.answers is None:
            return FixedSample("", SamplingConfig(temperature=TEMPERATURE, seed=SEED))
        assert isinstance(run.text, Text)  # shards have no questions
        _, held_out = hold_out(split_documents(run.text.text), run.experiment.data.val_fraction)
        expected = held_out[0]
        question = question_of(expected, run.text.question_length)
        return FixedSample(question, SamplingConfig(temperature=0.0, seed=SEED), expected)

    def shown(self, continuation: str) -> str:
        """The prompt and its continuation; after an answer, whether it is right."""
        text = self.prompt + continuation
        if not self.expected:
            return text
        return text + ("  right" if text == self.expected else f"  wrong: {self.expected}")
