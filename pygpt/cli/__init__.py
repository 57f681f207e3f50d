"""The command line: `pygpt train`, `sample` and the others in commands.py. The only place that prints."""

import os
import sys

from pygpt.errors import PygptError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 1 after a mistake, told in one sentence on standard error."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments) or 0
    except PygptError as error:
        print(f"pygpt: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader went away (`pygpt sample ... | head`). Python would complain once more while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _run(arguments):
    """Parse the arguments and do what they say; a command imports what it needs, and no other's."""
    import tyro

    from pygpt.cli.commands import (
        COMMANDS,
        Bench,
        Described,
        Devices,
        Download,
        Eval,
        Export,
        Import,
        Prepare,
        Sample,
        Serve,
        Show,
        Train,
    )

    command = tyro.extras.subcommand_cli_from_dict(
        COMMANDS, args=arguments, prog="pygpt", description="Train and sample small language models."
    )
    if isinstance(command, Described):
        # Read once more with the preset's values as the defaults: what no flag says, the preset says.
        command = tyro.cli(
            type(command), args=arguments[1:], prog=f"pygpt {arguments[0]}", default=command.with_defaults()
        )
        command = command.with_layout(arguments)
        if isinstance(command, Train):
            from pygpt.cli.train import train

            return train(command)
        from pygpt.cli.plan import plan

        return plan(command)
    if isinstance(command, Download):
        from pygpt.cli.download import download

        return download(command)
    if isinstance(command, Prepare):
        from pygpt.cli.prepare import prepare

        return prepare(command)
    if isinstance(command, Sample):
        from pygpt.cli.sample import sample

        return sample(command)
    if isinstance(command, Eval):
        from pygpt.cli.eval import evaluate

        return evaluate(command)
    if isinstance(command, Show):
        from pygpt.cli.show import show

        return show(command)
    if isinstance(command, Import):
        from pygpt.cli.huggingface import import_model

        return import_model(command)
    if isinstance(command, Export):
        from pygpt.cli.huggingface import export_model

        return export_model(command)
    if isinstance(command, Devices):
        from pygpt.cli.devices import devices

        return devices(command)
    if isinstance(command, Bench):
        from pygpt.cli.bench import bench

        return bench(command)
    if isinstance(command, Serve):
        from pygpt.cli.serve import serve_models

        return serve_models(command)
    from pygpt.server.local_site import lab

    return lab(command.port, command.open)
