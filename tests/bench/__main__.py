"""Speed and memory, measured and never judged.

    python -m tests.bench native    a training step and sampling against PyTorch and JAX, each in its own process
    python -m tests.bench matmul    matrix products against theirs, natively
    python -m tests.bench tab       a training step and sampling against TensorFlow.js and jax-js, in one Chromium
    python -m tests.bench tab_matmul     matrix products against theirs
    python -m tests.bench boot      navigation to a ready Python
    python -m tests.bench memory    JS heap, GPU buffers and Python objects over 2,000 steps of `baby` in the tab
    python -m tests.bench quality   what bigram and small reach on Tiny Shakespeare, and docs/small_curve.svg
    python -m tests.bench curve     50 steps of `small` on NumPy and on the native WebGPU: the largest difference
    python -m tests.bench tasks     the right answers of the presets reverse, sort and addition, on NumPy
    python -m tests.bench tokens    learning a BPE of 1,024 tokens from a megabyte of text, natively and in the tab
    python -m tests.bench report    docs/performance.md, from what was kept

Without a name: native, matmul, tab, tab_matmul, boot, report. What is compared is measured in rounds, one contender after
the other, so that what else the machine does falls on all. A run with all contenders is kept in build/bench/records, a
file a part and size (PYGPT_BENCH names another folder); with --contenders it is only printed. The peers are installed the
first time (PYGPT_BENCH_PYTHON names an interpreter that has PyTorch and JAX already).
"""

import argparse
import dataclasses
import os

from tests.bench import curve, memory, native, quality, records, report, tab, tasks, tokens

MEASUREMENTS = {
    "native": native.measure,
    "matmul": native.multiply,
    "tab": tab.measure,
    "tab_matmul": tab.multiply,
    "boot": tab.boot,
    "report": report.write,
    "memory": lambda _: memory.measure(),
    "quality": lambda _: quality.measure(),
    "curve": lambda _: curve.measure(),
    "tasks": tasks.measure,
    "tokens": tokens.measure,
}
USUAL = ("native", "matmul", "tab", "tab_matmul", "boot", "report")


@dataclasses.dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    sizes: list[str]
    named: list[str]
    rounds: int
    threads: int
    isolated: bool

    @property
    def complete(self) -> bool:
        """Whether every contender takes part: only then are ratios worth keeping."""
        return not self.named

    def wants_size(self, *names: str) -> bool:
        """Whether a case with one of these names is to be measured."""
        return not self.sizes or any(name in self.sizes for name in names)

    def contenders(self, all_of_them) -> list[str]:
        """Those that take part."""
        return [name for name in all_of_them if not self.named or any(word in name for word in self.named)]


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
        help="bigram, micro, baby, small, nano (natively also nano-2, nano-8); of tasks reverse, sort, addition",
    )
    parser.add_argument(
        "--contenders",
        nargs="+",
        default=[],
        metavar="WORD",
        help="only those whose name has one of these words; not kept",
    )
    parser.add_argument("--rounds", type=int, default=3, help="times each contender has its turn (default 3)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each native contender (default 1)")
    parser.add_argument(
        "--isolated", action="store_true", help="serve the peers' pages cross-origin isolated: they get threads"
    )
    given = parser.parse_args()
    unknown = [name for name in given.parts if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    options = Options(given.sizes, given.contenders, given.rounds, given.threads, given.isolated)
    about = records.machine()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{about['processor']}, {about['cores']} cores{load}, {about['system']}")
    for name in given.parts or USUAL:
        print(f"\n{name}", flush=True)
        MEASUREMENTS[name](options)


if __name__ == "__main__":
    main()
