"""`pygpt bench`: what this machine can do, in about a minute."""

import asyncio
import dataclasses
import json

from rich.console import Console

from pygpt.analysis import bench as measure
from pygpt.cli.commands import Bench
from pygpt.devices import open_device
from pygpt.errors import ExperimentError


def bench(command: Bench) -> int:
    """Measure, and print each figure as it is found."""
    if not command.seconds > 0:
        raise ExperimentError("seconds", f"{command.seconds:g} is no time to measure in")
    device = open_device(command.device)
    console = Console(highlight=False, soft_wrap=True, quiet=command.json)
    console.print(f"device  {device.name} ({device.why})")
    found = asyncio.run(_show(device, command.seconds, console))
    if command.json:
        print(
            json.dumps(
                {
                    "device": {"kind": device.kind, "name": device.name},
                    "results": [{"kind": result.kind, **dataclasses.asdict(result)} for result in found],
                }
            )
        )
    return 0


async def _show(device, seconds, console):
    found = []
    with console.status("measuring"):
        async for result in measure.survey(device, seconds):
            if result.kind == "preset" and not any(earlier.kind == "preset" for earlier in found):
                peak = max(earlier.gflops for earlier in found)
                heads = f"{'preset':<8}{'batch':>6}{'ms a step':>12}{'tokens/s':>12}{'writing':>12}{'of the peak':>14}"
                console.print(f"[bold]{peak:,.1f} GFLOP/s[/] is the most this device multiplies at.\n\n[dim]{heads}[/]")
            found.append(result)
            console.print(_line(result))
    return found


def _line(result):
    if result.kind == "matmul":
        return f"matmul  {result.size:>4} x {result.size:<4}  {result.gflops:>8,.1f} GFLOP/s"
    if result.note:
        return f"{result.name:<8}{result.batch_size:>6}  {result.note}"
    share = f"{100 * result.share:>12.0f} %" if result.share else f"{'–':>14}"
    return (
        f"{result.name:<8}{result.batch_size:>6}{result.milliseconds:>12,.2f}{result.tokens_per_second:>12,.0f}"
        f"{result.sampled_per_second:>12,.0f}{share}"
    )
