"""The sampling settings, shared by the flags, the page, the server and `LanguageModel.generate`."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from pygpt.config.fields import check_limits, coerce, setting
from pygpt.errors import ExperimentError
from pygpt.utils.suggest import did_you_mean


@dataclasses.dataclass(frozen=True)
class SamplingConfig:
    """Sampling settings. The defaults sample from all tokens at temperature 0.8."""

    temperature: float = setting(
        0.8, "how random the choice is: 0 always takes the most likely token", minimum=0.0, maximum=100.0
    )
    top_k: int = setting(
        0, "sample from the k most likely tokens only", minimum=0, maximum=2**31 - 1, special=(0, "all")
    )
    top_p: float = setting(
        1.0,
        "sample from the most likely tokens whose probabilities add up to this (nucleus sampling)",
        minimum=1e-6,
        maximum=1.0,
        special=(1, "all"),
    )
    min_p: float = setting(
        0.0,
        "sample only tokens with at least this fraction of the highest probability",
        minimum=0.0,
        maximum=1.0,
        special=(0, "all"),
    )
    repetition_penalty: float = setting(
        1.0, "above 1 makes tokens in the context less likely", minimum=0.01, maximum=100.0
    )
    stop: tuple[str, ...] = setting((), "strings that end the output and are left out of it")
    seed: int = setting(1, "random seed", minimum=0, maximum=2**32 - 1)

    def __post_init__(self) -> None:
        """Check every field. Raises: ExperimentError for one outside its limits."""
        given: Any = self.stop  # a caller can give one text, or a list of them
        if isinstance(given, bytes) or not isinstance(given, Iterable):
            raise ExperimentError("stop", f"expected a text or several, got {given!r:.60}")
        stop = (given,) if isinstance(given, str) else tuple(given)
        if not all(isinstance(text, str) and text for text in stop):
            raise ExperimentError("stop", f"expected non-empty strings, got {list(stop)!r:.60}")
        object.__setattr__(self, "stop", stop)
        for field in dataclasses.fields(self):
            coerce(field.name, field.type, getattr(self, field.name))
            check_limits(field.name, field, getattr(self, field.name))


def sampling_config(settings: Mapping[str, Any]) -> SamplingConfig:
    """The config of a caller's settings. Raises: ExperimentError for an unknown name, or a value outside its limits."""
    names = [field.name for field in dataclasses.fields(SamplingConfig)]
    for name in settings:
        if name not in names:
            known = ["max_new_tokens", *names]  # a caller passes it beside them
            raise ExperimentError(
                name, f"there is no such setting{did_you_mean(name, known)}; there are prompt, {', '.join(known)}"
            )
    return SamplingConfig(**settings)
