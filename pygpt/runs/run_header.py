"""What the beginning of a checkpoint says: its settings, step and loss curve. The weights after it are not read."""

import dataclasses
import json
import math
import struct
from typing import Any

from pygpt.config.experiment import Experiment
from pygpt.errors import CheckpointError, ExperimentError
from pygpt.runs.checkpoint import CURVE, number_in
from pygpt.runs.provenance import bytes_per_token
from pygpt.training.loss_curve import LossCurve

LENGTH = 8  # bytes of the length of the header
LONGEST = 100_000_000  # bytes, as in safetensors.py
OTHER = ("curve.", "optimizer.", "data.")  # the prefixes of arrays that are no weights


@dataclasses.dataclass(frozen=True)
class RunHeader:
    """The header of a checkpoint. `tables` are the places of the curve's tables in the file, from their first byte to
    the one after their last."""

    experiment: Experiment
    step: int
    provenance: dict[str, Any]
    parameters: int
    tokenizer: dict[str, Any]  # its description
    smoothed: float | None
    seconds: float | None
    tables: dict[str, tuple[int, int]]

    @property
    def text_sha256(self) -> str:
        """The SHA-256 of the text, or "" if the file does not say."""
        data = self.provenance.get("data")
        return str(data.get("sha256", "")) if isinstance(data, dict) else ""

    @property
    def bytes_per_token(self) -> float | None:
        """The bytes of text that a token stands for, on average; None if the file does not say."""
        return bytes_per_token(self.provenance, self.tokenizer)

    @property
    def began_from(self) -> str:
        """Where the first weights came from, in words; "" for random ones."""
        for name in ("init_from", "imported"):
            if isinstance(source := self.provenance.get(name), dict):
                facts = [f"{key} {value}" for key, value in source.items() if not isinstance(value, dict | list)]
                return ", ".join(facts) or name
        return ""

    def curve(self, tables: dict[str, bytes]) -> LossCurve:
        """The loss curve, given the bytes at `tables`. Raises: CheckpointError if they are damaged."""
        try:
            return LossCurve.from_tables(tables, self.step, self.smoothed, self.seconds)
        except struct.error:
            raise CheckpointError("the loss curve is damaged: it ends within a row") from None


def header_end(length: bytes) -> int:
    """Where the header ends, given the first LENGTH bytes of the file."""
    return LENGTH + min(int.from_bytes(length, "little"), LONGEST)


def read_header(header: bytes) -> RunHeader:
    """Read the bytes from LENGTH to `header_end`. Raises: CheckpointError if they are not those of a pygpt run."""
    try:
        arrays = json.loads(header)
        metadata = arrays.pop("__metadata__")
        start, provenance = LENGTH + len(header), json.loads(metadata["provenance"])
        places = {name: arrays[name]["data_offsets"] for name in CURVE if name in arrays}
        if not all(0 <= begin <= end for begin, end in places.values()) or not isinstance(provenance, dict):
            raise ValueError("a table of the curve has no place, or the provenance is no table")
        weights = [entry["shape"] for name, entry in arrays.items() if not name.startswith(OTHER)]
        experiment, step = Experiment.from_dict(json.loads(metadata["experiment"])), int(metadata["step"])
        if step > experiment.train.steps:
            raise ValueError("more steps are done than there are")
        return RunHeader(
            experiment=experiment,
            step=step,
            provenance=provenance,
            parameters=sum(map(math.prod, weights)),
            tokenizer=dict(json.loads(metadata["tokenizer"])),
            smoothed=number_in(metadata, "smoothed_loss"),
            seconds=number_in(metadata, "training_seconds"),
            tables={name.removeprefix("curve."): (start + begin, start + end) for name, (begin, end) in places.items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ExperimentError):
        raise CheckpointError("this is not the checkpoint of a pygpt run, or it is damaged") from None
