"""In the tab: ours on NumPy and on WebGPU against TensorFlow.js and jax-js, in one Chromium, in rounds; and the boot."""

import contextlib

from pygpt.analysis.bench import SIZES
from tests.bench import records
from tests.bench.site import open_site, open_tab, serve_peers
from tests.bench.work import hand_over

CONTENDERS = ("ours numpy", "ours webgpu", "tfjs wasm", "tfjs webgpu", "jaxjs wasm", "jaxjs webgpu")
CASES = {
    "bigram": {"steps": 1500, "max_ms": 500, "sample_tokens": 1000},
    "micro": {"steps": 1500, "max_ms": 500, "sample_tokens": 1000},
    "baby": {"steps": 100, "max_ms": 800, "sample_tokens": 500},
    "small": {"steps": 15, "max_ms": 1500, "warmup": 1, "min_steps": 1, "sample_tokens": 300},
    "nano": {"steps": 3, "max_ms": 1500, "warmup": 1, "min_steps": 1, "sample_tokens": 16},
}
# Left out unless named: they take 10 seconds a step and more, and are nobody's best.
HOPELESS = {"small": {"tfjs webgpu"}, "nano": {"tfjs webgpu", "tfjs wasm"}}
SLOW_STEP = 1500  # milliseconds: who takes longer does one round
SQUARES = (256, 512, 1024)


def address(name: str, server, peers) -> str:
    """Where a contender's page is."""
    who, device = name.split(" ")
    return f"{server.url}bench.html?device={device}" if who == "ours" else f"{peers.url}{who}.html?device={device}"


@contextlib.contextmanager
def pages(names, isolated: bool):
    """A page for each contender, all in one Chromium, each ready; who does not get ready is told."""
    with open_site() as (server, browser), serve_peers(isolated) as peers:
        opened = {}
        for name in names:
            page = browser.new_context().new_page()
            page.set_default_timeout(120_000)
            try:
                page.goto(address(name, server, peers))
                page.wait_for_function("window.ready === true", timeout=60_000)
                opened[name] = page
            except Exception as error:
                print(f"{name}: {str(error).splitlines()[0]}", flush=True)
        yield opened, browser.version


def ask(page, function: str, wanted: dict) -> dict:
    """Call a function of the page; what goes wrong there is an answer with an error."""
    try:
        return page.evaluate(f"(wanted) => window.{function}(wanted)", wanted)
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        return {"error": lines[0] if "Error" not in lines[-1] else lines[-1]}


def called(page, name: str) -> str:
    """What a contender is, with its version."""
    return page.evaluate("window.peer ?? `pygpt, ${window.device.name}`")


def measure(options) -> None:
    """Training and sampling, size by size."""
    for name, wanted in CASES.items():
        if not options.wants_size(name, name):
            continue
        names = options.contenders(CONTENDERS)
        if options.complete:
            names = [contender for contender in names if contender not in HOPELESS.get(name, ())]
        batch = SIZES[name][4]
        hand_over(name, batch)
        results, versions = {}, {}
        with pages(names, options.isolated) as (opened, chromium):
            for _ in range(options.rounds):
                for contender, page in opened.items():
                    held = results.get(contender, {})
                    if records.middle(held.get("ms", [])) > SLOW_STEP or "error" in held:
                        continue
                    answer = ask(page, "runBench", {"size": name, "batch_size": batch, **wanted})
                    records.merged(results, contender, answer)
                    versions[contender] = called(page, contender)
        records.compare_losses(results, "ours numpy" if "ours numpy" in results else "ours webgpu")
        records.show("tab" + (", isolated" if options.isolated else ""), name, results)
        if options.complete:
            records.keep(
                "isolated" if options.isolated else "tab",
                name,
                {
                    "results": results,
                    "versions": versions,
                    "rounds": options.rounds,
                    "batch": batch,
                    "Chromium": chromium,
                },
            )


def multiply(options) -> None:
    """Squares in the tab."""
    results, versions = {}, {}
    with pages(options.contenders(CONTENDERS), options.isolated) as (opened, chromium):
        for side in SQUARES:
            print(f"{side:<8}", end="", flush=True)
            for contender, page in opened.items():
                product = {"m": side, "k": side, "n": side}
                first = ask(page, "runMatmul", {**product, "reps": 1})
                reps = max(1, min(20, int(300 / first["ms"]))) if "ms" in first else 0
                answers = [
                    ask(page, "runMatmul", {**product, "reps": reps}) for _ in range(options.rounds if reps else 0)
                ]
                rates = [answer["gflops"] for answer in answers if "gflops" in answer]
                results.setdefault(contender, {})[f"{side} nn"] = rates
                versions[contender] = called(page, contender)
                print(f"{contender:>14} {records.middle(rates):>6.1f}", end="", flush=True)
            print(" GFLOP/s")
    if options.complete:
        records.keep(
            "matmul",
            "isolated" if options.isolated else "tab",
            {"results": results, "versions": versions, "Chromium": chromium},
        )


def boot(options) -> None:
    """Navigation to a ready Python, in fresh profiles and with a warm HTTP cache."""
    with open_site() as (server, browser):
        cold, warm = [], []
        for _ in range(max(3, options.rounds)):
            with open_tab(server, browser) as tab:
                cold.append(tab.boot_seconds)
                tab.page.goto("about:blank")
                tab.boot()
                warm.append(tab.boot_seconds)
        print(
            f"navigation to a ready Python: {records.middle(cold):.2f} s in a fresh profile, {records.middle(warm):.2f} s with a "
            "warm cache"
        )
        records.keep("boot", "tab", {"cold": cold, "warm": warm, "Chromium": browser.version})
