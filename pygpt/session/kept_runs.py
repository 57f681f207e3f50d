"""The runs that a session keeps: listed, renamed, starred, deleted."""

import contextlib

from pygpt.config.experiment import Experiment as Settings
from pygpt.errors import CheckpointError, ExperimentError, PygptError
from pygpt.runs.groups import band, group_by_seed
from pygpt.runs.layout import EXPERIMENT_FILE
from pygpt.runs.metrics_log import columns_of
from pygpt.runs.run_store import RunStore
from pygpt.session.events import Emit
from pygpt.session.message_records import Experiment, KeptRun, RunGroup, WrittenSample
from pygpt.session.messages import Error
from pygpt.session.run_messages import Found, RunRead, SettingsListed
from pygpt.session.sweep_messages import GroupsRead
from pygpt.training.loss_curve import LossCurve
from pygpt.training.run import Run
from pygpt.utils.blocking import yield_to_event_loop

LONGEST_RUN_NAME = 80  # characters
LONGEST_NOTES = 10_000
METRICS_SENT = 1000  # rows: a chart has about as many pixels


def about_run(run: Run, step: int) -> dict:
    """What is kept about a run at a step, beside what it has from its start (see RunStore)."""
    return {
        "text": run.text.name,
        "step": step,
        "steps": run.experiment.train.steps,
        **about_curve(run.metrics.curve),
        "parameters": run.model.parameter_count,
        "state": "finished" if step >= run.experiment.train.steps else "",
        "bytes_per_token": run.bytes_per_token,
    }


def about_curve(curve: LossCurve) -> dict:
    """What is kept about a run from its curve."""
    last = curve.validation[-1] if curve.validation else (0, None, None)
    return {"loss": curve.smoothed, "val_loss": last[1], "accuracy": last[2], "seconds": curve.seconds}


class KeptRuns:
    """Carries out the commands about kept runs other than opening one. Each is answered with the list."""

    def __init__(self, emit: Emit, store: RunStore):
        self.emit, self.store = emit, store

    async def begin(self) -> None:
        """Tidy up, and list the runs. A disk that does not let itself be tidied up keeps no lab from starting."""
        refusal = ""
        try:
            await self.store.tidy()
        except CheckpointError as error:
            refusal = str(error)
        await self.list_runs()
        if refusal:
            self.emit(Error(refusal, "", "list_runs"))

    async def follow_closing_tabs(self) -> None:
        """List the runs again when the tab that this one replaces has closed."""
        attempt = 0
        while await self.store.wait_for_closing_tabs(attempt):
            attempt += 1
            await self.list_runs()

    async def list_runs(self) -> None:
        """Send the list of runs."""
        runs = await self.store.find()
        deleted = sorted((run for run in runs if "deleted" in run), key=lambda run: run["deleted"])
        self.emit(Found([KeptRun.of(run) for run in runs if "deleted" not in run], [*map(KeptRun.of, deleted)]))

    async def name_of(self, copy: str) -> str:
        """The name of a run, or that of its folder."""
        return next((str(run.get("name") or copy) for run in await self.store.find() if run["copy"] == copy), copy)

    async def read_run(self, copy: str) -> None:
        """Send the settings, the curve, the samples and the checkpoints of a run.

        Raises: CheckpointError if there is none.
        """
        header, curve = await self.store.read_run(copy)
        samples = [WrittenSample(sample["step"], sample["text"]) for sample in await self.store.samples(copy)]
        experiment = Experiment(header.experiment.to_dict())
        metrics = columns_of(await self.store.metrics(copy), METRICS_SENT)
        self.emit(
            RunRead(
                copy,
                header.text_sha256,
                header.began_from,
                experiment,
                curve.training,
                curve.validation,
                samples,
                await self.store.checkpoint_steps(copy, header.step),
                metrics,
                header.bytes_per_token,
            )
        )

    async def list_settings(self) -> None:
        """Send the settings of all runs, without those that cannot be read."""
        settings = {}
        for copy, text in (await self.store.files.read_all(EXPERIMENT_FILE)).items():
            with contextlib.suppress(PygptError, ValueError):
                settings[copy] = Experiment(Settings.from_toml(text.decode()).to_dict())
            await yield_to_event_loop()  # reading hundreds takes a second in a tab, and a run trains meanwhile
        self.emit(SettingsListed(settings))

    async def read_groups(self, copies: tuple[str, ...]) -> None:
        """Send the runs in groups, with the mean and the spread of their losses. Raises: CheckpointError."""
        read = [await self.store.read_run(copy) for copy in copies]
        groups = group_by_seed((header.experiment, header.text_sha256 + header.began_from) for header, _ in read)
        self.emit(GroupsRead([_group([(copies[index], *read[index]) for index in group]) for group in groups]))

    async def describe_run(self, copy: str, **changes) -> None:
        """Change the name, notes or star of a run. Raises: ExperimentError for a name that is empty or too long."""
        if "name" in changes:
            changes["name"] = " ".join(changes["name"].split())
            if not 1 <= len(changes["name"]) <= LONGEST_RUN_NAME:
                raise ExperimentError("name", f"a run's name has 1 to {LONGEST_RUN_NAME} characters")
        if len(changes.get("notes", "")) > LONGEST_NOTES:
            raise ExperimentError("notes", f"notes have at most {LONGEST_NOTES:,} characters")
        await self.store.describe(copy, changes)
        await self.list_runs()

    async def delete_run(self, copy: str) -> None:
        """Delete a run. Raises: CheckpointError if there is none, or another tab has it open."""
        await self.store.delete(copy)
        await self.list_runs()

    async def restore_run(self, copy: str) -> None:
        """Undo `delete_run`. Raises: CheckpointError if the run is gone."""
        await self.store.restore(copy)
        await self.list_runs()


def _group(runs) -> RunGroup:
    """The group of runs, each with its folder, its header and its curve."""

    def rows(curves):
        return [(step, each.mean, each.low, each.high, each.deviation, each.runs) for step, each in band(curves)]

    return RunGroup(
        copies=[copy for copy, _, _ in runs],
        seeds=[header.experiment.train.seed for _, header, _ in runs],
        training=rows([(step, loss) for step, loss, _ in curve.training] for _, _, curve in runs),
        validation=rows([(step, loss) for step, loss, _ in curve.validation] for _, _, curve in runs),
    )
