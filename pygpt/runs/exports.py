"""The metrics of a run in the formats of other programs."""

import csv
import io
import struct
import time
from collections.abc import Callable, Iterable, Iterator

from pygpt.training.metrics import METRICS, Metric

# Reads like the scalars that other programs write: a group before the slash, so that they stand together.
TAGS = {
    "loss": "loss/train",
    "val_loss": "loss/validation",
    "accuracy": "accuracy/validation",
    "learning_rate": "train/learning_rate",
    "grad_norm": "train/grad_norm",
    "update_ratio": "train/update_ratio",
    "ms_per_step": "speed/ms_per_step",
    "tokens_per_second": "speed/tokens_per_second",
    "seconds": "speed/seconds",
}

AVERAGED = "loss/steps_averaged"


def csv_files(metrics: Iterable[Metric]) -> dict[str, bytes]:
    """metrics.csv: a row for each logged step, a column for each metric; what was not measured is empty.

    `steps_averaged` is above 1 where the loss is the mean of so many steps up to this one, as in a long run's curve.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    names = [field.name for field in METRICS]
    rows.writerow(["step", *names, "steps_averaged"])
    for metric in metrics:
        values = (*(getattr(metric, name) for name in names), None if metric.loss is None else metric.steps_averaged)
        rows.writerow([metric.step, *("" if value is None else repr(value) for value in values)])
    return {"metrics.csv": text.getvalue().encode()}


def tensorboard_files(metrics: Iterable[Metric]) -> dict[str, bytes]:
    """An event file that TensorBoard and the programs that read its format open."""
    file = EventFile()
    return {file.name: file.header() + b"".join(map(file.record, metrics))}


class EventFile:
    """The content of an event file of TensorBoard, as it grows.

    Where a loss is the mean of several steps, as in a long run's curve, AVERAGED has their number.

    Source: tensorflow/core/util/event.proto and framework/summary.proto, in the records of lib/io/record_writer.h.
    """

    def __init__(self):
        self.began = time.time()
        self.name = f"events.out.tfevents.{int(self.began)}.pygpt"

    def header(self) -> bytes:
        """What the file begins with."""
        return _record(_event(self.began, 0, _field(3, b"brain.Event:2")))

    def record(self, metric: Metric) -> bytes:
        """The metrics of a step; nothing if none was measured."""
        values = b"".join(
            _scalar(tag, getattr(metric, name)) for name, tag in TAGS.items() if getattr(metric, name) is not None
        )
        if metric.steps_averaged > 1:
            values += _scalar(AVERAGED, metric.steps_averaged)
        return _record(_event(time.time(), metric.step, _field(5, values))) if values else b""


def samples_text(samples: Iterable[dict]) -> bytes:
    """What the model wrote during training, as a text to read."""
    return "\n\n".join(f"Step {sample['step']:,}\n\n{sample['text'].strip()}" for sample in samples).encode() + b"\n"


EXPORTS: dict[str, Callable[[Iterable[Metric]], dict[str, bytes]]] = {
    "csv": csv_files,
    "tensorboard": tensorboard_files,
}


def _scalar(tag: str, value: float) -> bytes:
    return _field(1, _field(1, tag.encode()) + _tag(2, 5) + struct.pack("<f", value))


def _event(seconds: float, step: int, content: bytes) -> bytes:
    return _tag(1, 1) + struct.pack("<d", seconds) + _tag(2, 0) + _varint(step) + content


def _field(number: int, content: bytes) -> bytes:
    return _tag(number, 2) + _varint(len(content)) + content


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def _checksum(data: bytes) -> bytes:
    """The masked CRC-32C of a record."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _crc_table() -> Iterator[int]:
    for index in range(256):
        for _bit in range(8):
            index = index >> 1 ^ 0x82F63B78 if index & 1 else index >> 1
        yield index


_CRC = tuple(_crc_table())
