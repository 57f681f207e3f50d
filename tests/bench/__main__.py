"""Measure speed and memory. A missed target is reported; nothing fails.

    python -m tests.bench native    a training step and sampling against PyTorch and JAX, each in a separate process
    python -m tests.bench matmul    matrix products against the same libraries
    python -m tests.bench tab       a training step and sampling against TensorFlow.js and jax-js, in one Chromium
    python -m tests.bench tab_matmul    matrix products against the same libraries
    python -m tests.bench boot      navigation to a ready Python
    python -m tests.bench memory    JS heap, GPU buffers and Python objects over 2,000 steps of `baby` in the tab
    python -m tests.bench pause     how long the lab's commands wait after 5, 60 and 300 s of training in the tab
    python -m tests.bench kept_runs     the place Runs with 200 runs, ten of them compared: time to open, long tasks
    python -m tests.bench quality   the losses of bigram and small on Tiny Shakespeare, and docs/small_curve.svg
    python -m tests.bench curve     50 steps of `small` on NumPy and native WebGPU: the largest difference
    python -m tests.bench tasks     the accuracy of the task presets and of minGPT's two examples, on NumPy
    python -m tests.bench tokens    learning a BPE of 1,024 tokens from 1 MB of text, natively and in the tab
    python -m tests.bench words     real words in what the page's default writes after 60 s, on NumPy and on WebGPU
    python -m tests.bench bits      ten steps of every preset, as exact numbers, to compare before and after a change
    python -m tests.bench estimate  the page's estimate of a run's time against the time it takes, for three presets
    python -m tests.bench kill      kill -9 at 20 random moments: seconds of training lost
    python -m tests.bench server_kill   the same for `pygpt serve`
    python -m tests.bench tab_kill  the same for the lab: the tab's process crashes
    python -m tests.bench report    docs/performance.md, from the records

The default is native, matmul, tab, tab_matmul, boot, report. The contenders take turns in rounds, so that other load on
the machine affects all of them. A run with all contenders is saved in build/bench/records, one file per part and size
(PYGPT_BENCH sets another folder); with --contenders it is only printed. The first run installs the peers
(PYGPT_BENCH_PYTHON sets an interpreter that has PyTorch and JAX).
"""

import argparse
import dataclasses
import os

from tests.bench import (
    bits,
    curve,
    estimate,
    kept_runs,
    kill,
    memory,
    native,
    pause,
    quality,
    records,
    report,
    tab,
    tasks,
    tokens,
    words,
)

MEASUREMENTS = {
    "native": native.measure,
    "matmul": native.multiply,
    "tab": tab.measure,
    "tab_matmul": tab.multiply,
    "boot": tab.boot,
    "report": report.write,
    "memory": lambda _: memory.measure(),
    "pause": pause.measure,
    "kept_runs": kept_runs.measure,
    "quality": lambda _: quality.measure(),
    "curve": lambda _: curve.measure(),
    "bits": bits.measure,
    "estimate": estimate.measure,
    "kill": kill.measure,
    "server_kill": kill.measure_server,
    "tab_kill": kill.measure_tab,
    "tasks": tasks.measure,
    "tokens": tokens.measure,
    "words": words.measure,
}
DEFAULT = ("native", "matmul", "tab", "tab_matmul", "boot", "report")


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of the command line."""

    sizes: list[str]
    words: list[str]
    rounds: int
    threads: int
    isolated: bool

    @property
    def complete(self) -> bool:
        """Whether every contender takes part: only then are the results saved."""
        return not self.words

    def wants_size(self, *names: str) -> bool:
        """Whether to measure a case with one of these names."""
        return not self.sizes or any(name in self.sizes for name in names)

    def contenders(self, names) -> list[str]:
        """The contenders that take part."""
        return [name for name in names if not self.words or any(word in name for word in self.words)]


def main() -> None:
    """Run the named measurements."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(MEASUREMENTS))
    parser.add_argument(
        "--sizes",
        nargs="+",
        default=[],
        metavar="SIZE",
        help="bigram, micro, baby, small, nano (native: also nano-2, nano-8); for tasks: reverse, sort, addition, "
        "mingpt-addition, mingpt-sort; for pause: seconds",
    )
    parser.add_argument(
        "--contenders",
        nargs="+",
        default=[],
        metavar="WORD",
        help="only contenders whose name contains one of these words; results are not saved",
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each contender (default 3)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each native contender (default 1)")
    parser.add_argument(
        "--isolated", action="store_true", help="serve the peers' pages cross-origin isolated: they get threads"
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.parts if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"unknown measurement {', '.join(unknown)}; choose from {', '.join(MEASUREMENTS)}")
    options = Options(arguments.sizes, arguments.contenders, arguments.rounds, arguments.threads, arguments.isolated)
    machine = records.machine()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{machine['processor']}, {machine['cores']} cores{load}, {machine['system']}")
    for name in arguments.parts or DEFAULT:
        print(f"\n{name}", flush=True)
        MEASUREMENTS[name](options)


if __name__ == "__main__":
    main()
