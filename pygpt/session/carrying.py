"""Carries the runs that a session keeps out of it, and others in: as files, archives and other programs' formats."""

import dataclasses
import hashlib
import math
import time

from pygpt.config.experiment import Experiment
from pygpt.errors import CheckpointError, PygptError
from pygpt.runs.about import first_about
from pygpt.runs.checkpoint import Checkpoint, parameter_shapes, read_checkpoint
from pygpt.runs.exports import EXPORTS, samples_text
from pygpt.runs.layout import (
    ABOUT_FILE,
    EXPERIMENT_FILE,
    METRICS_FILE,
    MODEL_FILE,
    RUN_FILES,
    SAMPLES_FILE,
    TOKENIZER_FILE,
)
from pygpt.runs.metrics_log import completed, line_of, read_lines
from pygpt.runs.provenance import bytes_per_token
from pygpt.runs.run_store import RunStore
from pygpt.runs.samples_log import read_samples, sample_line
from pygpt.session.events import Emit
from pygpt.session.kept_runs import LONGEST_NOTES, LONGEST_RUN_NAME, KeptRuns, about_curve
from pygpt.session.run_messages import Imported, RunExported
from pygpt.tokenizers import BPETokenizer, tokenizer_json_bytes
from pygpt.utils.files import file_name
from pygpt.utils.json_text import parsed

ZIP = b"PK\x03\x04"
ENDINGS = {"file": ".safetensors", "zip": ".zip", "hf": "-hf.zip", "csv": "-metrics.csv", "samples": "-samples.txt"}


class CarriedRuns(KeptRuns):
    """The runs that a session keeps, with the commands that carry them out of it and into it."""

    def __init__(self, emit: Emit, store: RunStore, site):
        super().__init__(emit, store)
        self.site = site

    async def export_run(self, copy: str, to: str) -> None:
        """Send a kept run in a format. Raises: CheckpointError if there is none, or it has nothing in that format;
        ExperimentError, naming the setting, for a model that transformers cannot represent."""
        files = await self._exported(copy, to)
        name = file_name((await self.name_of(copy)).replace(" ", "-")) or copy
        if to in ("zip", "hf"):
            from pygpt.runs.archive import zip_bytes  # a tab needs it here only

            self.emit(RunExported(f"{name}{ENDINGS[to]}"), zip_bytes(files))
            return
        ((file, data),) = files.items()
        self.emit(RunExported(f"{name}{ENDINGS[to]}" if to in ENDINGS else f"{file}.{name}"), data)

    async def _exported(self, copy: str, to: str) -> dict:
        if to == "file":
            return {MODEL_FILE: await self.store.read_copy(copy)}
        if to == "zip":
            return {f"{copy}/{file}": data for file, data in (await self.store.contents(copy)).items()}
        if to == "hf":
            from pygpt.huggingface import export_folder  # a tab needs it here only

            if load_numpy := getattr(self.site, "load_numpy", None):
                await load_numpy()
            return export_folder(read_checkpoint(await self.store.read_copy(copy)))
        if to == "samples":
            samples = await self.store.samples(copy)
            if not samples:
                raise CheckpointError("this run wrote no samples during training")
            return {"samples.txt": samples_text(samples)}
        if to not in EXPORTS:
            raise CheckpointError(f"there is no export to {to[:40]!r}; choose {', '.join([*ENDINGS, 'tensorboard'])}")
        metrics = completed(await self.store.metrics(copy), (await self.store.read_run(copy))[1])
        if not metrics:
            raise CheckpointError("this run has neither a log nor a loss curve to export")
        return EXPORTS[to](metrics)

    async def import_runs(self, name: str, data: bytes = b"") -> None:
        """Keep the run in a file, or each run in a zip archive, beside the current one; those that are kept already are
        named, and so is what cannot be read, without an effect on the others."""
        from pygpt.runs.archive import runs_in  # a tab needs it here only

        copies: list[str] = []
        known: list[str] = []
        refused: list[str] = []
        try:
            runs = runs_in(name, data) if data[:4] == ZIP else {name.removesuffix(".safetensors"): {MODEL_FILE: data}}
        except CheckpointError as error:
            runs, refused = {}, [str(error)]
        for run, files in runs.items():
            place = name if len(runs) == 1 else f"{name}: {run}"
            try:
                copy, is_new = await self._import(run, files)
            except PygptError as error:
                refused.append(f"{place}: {error}")
            else:
                (copies if is_new else known).append(copy)
        await self.list_runs()
        self.emit(Imported(name, copies, known, refused))

    async def _import(self, name: str, files: dict[str, bytes]) -> tuple[str, bool]:
        """The folder of the run, and whether it is new. Raises: PygptError."""
        data = files[MODEL_FILE]
        checkpoint = read_checkpoint(data)
        run_id = str(checkpoint.provenance.get("run") or hashlib.sha256(data).hexdigest()[:12])
        for kept in await self.store.find():
            if kept.get("id") == run_id and "deleted" not in kept and kept.get("step", 0) >= checkpoint.step:
                return kept["copy"], False
        about = _about(checkpoint, run_id, name, parsed(files.get(ABOUT_FILE, b"")) or {})
        about["bytes"] = len(data)
        return await self.store.add(checkpoint.experiment, _checked(checkpoint, files), about), True


@dataclasses.dataclass(frozen=True)
class _Arrived:
    """A run from elsewhere."""

    id: str
    experiment: Experiment


def _checked(checkpoint: Checkpoint, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a run from elsewhere: the checkpoint, what it says itself, and the lines of logs that are such."""
    metrics = [line_of(metric) for metric in read_lines(files.get(METRICS_FILE, b"").splitlines())]
    samples = [*map(sample_line, read_samples(files.get(SAMPLES_FILE, b"").splitlines()))]
    tokenizer = checkpoint.tokenizer
    weights = {file: data for file, data in files.items() if file not in RUN_FILES}
    for data in weights.values():
        read_checkpoint(data)
    return {
        EXPERIMENT_FILE: checkpoint.experiment.to_toml().encode(),
        **({TOKENIZER_FILE: tokenizer_json_bytes(tokenizer)} if isinstance(tokenizer, BPETokenizer) else {}),
        METRICS_FILE: "".join(metrics).encode(),
        SAMPLES_FILE: "".join(samples).encode(),
        MODEL_FILE: files[MODEL_FILE],
        **weights,
    }


def _about(checkpoint: Checkpoint, run_id: str, name: str, said: dict) -> dict:
    """What is kept about a run from elsewhere: what its checkpoint says, and the name and notes that came with it."""
    experiment, origin = checkpoint.experiment, checkpoint.provenance.get("data")
    origin = origin if isinstance(origin, dict) else {}
    shapes = parameter_shapes(experiment, checkpoint.tokenizer).values()
    given, notes = (value if isinstance(value := said.get(key), str) else "" for key in ("name", "notes"))
    return {
        **first_about(_Arrived(run_id, experiment), None, None),
        "name": " ".join((given or name).split())[:LONGEST_RUN_NAME] or "run",
        "notes": notes[:LONGEST_NOTES],
        **about_curve(checkpoint.curve),
        "text": str(origin.get("name") or experiment.data.source),
        "step": checkpoint.step,
        "steps": experiment.train.steps,
        "parameters": sum(map(math.prod, shapes)),
        "bytes_per_token": bytes_per_token(checkpoint.provenance, checkpoint.tokenizer.describe()),
        "time": time.time(),
    }
