"""`pygpt bench`: what this machine can do, in about a minute."""

import asyncio
import dataclasses
import json

from rich.console import Console

from pygpt.cli.flags import DeviceChoice
from pygpt.errors import ExperimentError


@dataclasses.dataclass
class BenchCommand:
    """Measure this machine for about a minute: its GFLOP/s, and how fast each preset trains and generates."""

    device: DeviceChoice = "auto"
    """where to compute; `pygpt devices` lists what there is"""
    seconds: float = 60.0
    """about how long to measure"""
    json: bool = False
    """print one JSON object"""

    def run(self) -> int:
        """Measure, and print each figure as it is found."""
        from pygpt.devices import open_device

        if not self.seconds > 0:
            raise ExperimentError("seconds", f"{self.seconds:g} is not a time to measure in; choose more than 0")
        device = open_device(self.device)
        console = Console(highlight=False, soft_wrap=True, quiet=self.json)
        console.print(f"device  {device.name} ({device.why})")
        found = asyncio.run(_measure(device, self.seconds, console))
        if self.json:
            results = [{"kind": result.kind, **dataclasses.asdict(result)} for result in found]
            print(json.dumps({"device": {"kind": device.kind, "name": device.name}, "results": results}))
        return 0


async def _measure(device, seconds, console):
    from pygpt.analysis.bench import survey

    found = []
    with console.status("measuring"):
        async for result in survey(device, seconds):
            if result.kind == "preset" and not any(earlier.kind == "preset" for earlier in found):
                peak = max(earlier.gflops for earlier in found)
                heads = f"{'preset':<11}{'batch':>6}{'ms/step':>12}{'tokens/s':>12}{'generating':>12}{'% of peak':>14}"
                console.print(
                    f"[bold]{peak:,.1f} GFLOP/s[/] is this device's peak in a matrix product.\n\n[dim]{heads}[/]"
                )
            found.append(result)
            console.print(_line(result))
    return found


def _line(result):
    if result.kind == "matmul":
        return f"matmul  {result.size:>4} x {result.size:<4}  {result.gflops:>8,.1f} GFLOP/s"
    if result.note:
        return f"{result.name:<11}{result.batch_size:>6}  {result.note}"
    share = f"{100 * result.share:>12.0f} %" if result.share else f"{'–':>14}"
    return (
        f"{result.name:<11}{result.batch_size:>6}{result.milliseconds:>12,.2f}{result.tokens_per_second:>12,.0f}"
        f"{result.sampled_per_second:>12,.0f}{share}"
    )
