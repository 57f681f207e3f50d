"""The command line: one file per command, named after it. All printing is done here."""

import dataclasses
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pygpt.errors import PygptError


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status: 1 after a PygptError (printed to standard error), 2 after a wrong flag,
    130 after Ctrl+C."""
    try:
        try:
            status = _run(sys.argv[1:] if arguments is None else arguments) or 0
        except SystemExit as stop:  # --help: 0, or a wrong flag: 2
            status = int(stop.code or 0)
        sys.stdout.flush()  # while an error can be caught; Python's own exit only reports it
        return status
    except PygptError as error:
        print(f"pygpt: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        from pygpt.cli.output import discard

        discard(sys.stdout)
        if isinstance(error, BrokenPipeError):  # the reader closed the pipe: `pygpt sample ... | head`
            return 0
        print(f"pygpt: {error.filename or 'the output'} failed: {error.strerror or error}", file=sys.stderr)
        return 1
    except MemoryError:
        print("pygpt: there is not enough memory; try a smaller text, model or batch", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(arguments):
    import tyro

    from pygpt.cli.output import prepare_streams

    prepare_streams()

    from pygpt.cli.bench import BenchCommand
    from pygpt.cli.compare import CompareCommand
    from pygpt.cli.devices import DevicesCommand
    from pygpt.cli.download import DownloadCommand
    from pygpt.cli.eval import EvalCommand
    from pygpt.cli.export import ExportCommand
    from pygpt.cli.flags import ExperimentCommand
    from pygpt.cli.import_ import ImportCommand
    from pygpt.cli.lab import LabCommand
    from pygpt.cli.lr_range import LrRangeCommand
    from pygpt.cli.plan import PlanCommand
    from pygpt.cli.prepare import PrepareCommand
    from pygpt.cli.reproduce import ReproduceCommand
    from pygpt.cli.runs import RunsCommand
    from pygpt.cli.sample import SampleCommand
    from pygpt.cli.serve import ServeCommand
    from pygpt.cli.share import ShareCommand
    from pygpt.cli.show import ShowCommand
    from pygpt.cli.sweep import SweepCommand
    from pygpt.cli.train import TrainCommand

    commands: dict[str, Callable[..., Any]] = {
        "download": DownloadCommand,
        "prepare": PrepareCommand,
        "train": TrainCommand,
        "sweep": SweepCommand,
        "lr-range": LrRangeCommand,
        "plan": PlanCommand,
        "sample": SampleCommand,
        "eval": EvalCommand,
        "show": ShowCommand,
        "runs": RunsCommand,
        "compare": CompareCommand,
        "share": ShareCommand,
        "reproduce": ReproduceCommand,
        "import": ImportCommand,
        "export": ExportCommand,
        "devices": DevicesCommand,
        "bench": BenchCommand,
        "lab": LabCommand,
        "serve": ServeCommand,
    }
    command = tyro.extras.subcommand_cli_from_dict(
        commands, args=arguments, prog="pygpt", description="Train small language models and sample from them."
    )
    if "--out=" in arguments or ("--out", "") in itertools.pairwise(arguments):
        raise PygptError("--out is empty, as from a variable that is not set: give a folder, or . for this one")
    if isinstance(command, ExperimentCommand):
        # Parse again with the preset's values as defaults, so that fields without a flag keep the preset's value.
        defaults, prog = command.with_defaults(), f"pygpt {arguments[0]}"
        command = tyro.cli(type(command), args=arguments[1:], prog=prog, default=defaults).with_layout(arguments)
    # A shell leaves `--out=~/run` as it is. `./~` is a folder of that name, and a Path does not tell it from `~`.
    written = {argument.rpartition("=")[2] for argument in arguments}
    for field in dataclasses.fields(command):
        if isinstance(path := getattr(command, field.name), Path) and f"./{path}" not in written:
            setattr(command, field.name, Path(os.path.expanduser(path)))
    return command.run()
