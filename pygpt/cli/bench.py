"""`pygpt bench`: measure this machine's speed in about a minute."""

import asyncio
import dataclasses

from rich.text import Text

from pygpt.cli.flags import DeviceChoice
from pygpt.cli.output import PlainConsole
from pygpt.errors import ExperimentError
from pygpt.utils.json_text import json_text

LONGEST = 86_400  # seconds, a day


@dataclasses.dataclass
class BenchCommand:
    """Measure this machine for about a minute: GFLOP/s, and the training and sampling speed of each preset."""

    device: DeviceChoice = "auto"
    """device to compute on; `pygpt devices` lists them"""
    seconds: float = 60.0
    """approximate measuring time in seconds"""
    json: bool = False
    """print one JSON object"""

    def run(self) -> int:
        """Measure the device and print each result as it arrives."""
        from pygpt.devices import open_device

        if not 0 < self.seconds <= LONGEST:
            raise ExperimentError(
                "seconds", f"the measuring time must be above 0 and at most {LONGEST:,} seconds, not {self.seconds:g}"
            )
        device = open_device(self.device)
        console = PlainConsole(soft_wrap=True, quiet=self.json)
        console.print(f"device  {device.name} ({device.why})")
        results = asyncio.run(_measure(device, self.seconds, console))
        if self.json:
            rows = [{"kind": result.kind, **dataclasses.asdict(result)} for result in results]
            print(json_text({"device": {"kind": device.kind, "name": device.name}, "results": rows}))
        return 0


async def _measure(device, seconds, console):
    from pygpt.analysis.bench import MatmulResult, PresetResult, survey

    results: list[MatmulResult | PresetResult] = []
    with console.status("measuring"):
        async for result in survey(device, seconds):
            if result.kind == "preset" and not any(earlier.kind == "preset" for earlier in results):
                peak = max(earlier.gflops for earlier in results)
                header = f"{'preset':<11}{'batch':>6}{'ms/step':>12}{'tokens/s':>12}{'sampled/s':>12}{'% of peak':>14}"
                console.print(Text.assemble("peak    ", (f"{peak:,.1f} GFLOP/s", "bold"), " in a matrix product\n"))
                console.print(header, style="dim")
            results.append(result)
            console.print(_line(result))
    return results


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
