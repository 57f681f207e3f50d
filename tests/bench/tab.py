"""Compare pygpt on NumPy and WebGPU with TensorFlow.js and jax-js in one Chromium, in rounds; measure boot times."""

import contextlib

from pygpt.analysis.bench import SIZES
from tests.bench import records
from tests.bench.site import open_site, open_tab, serve_peers
from tests.bench.work import write_work

CONTENDERS = ("ours numpy", "ours webgpu", "tfjs wasm", "tfjs webgpu", "jaxjs wasm", "jaxjs webgpu")
CASES = {
    "bigram": {"steps": 1500, "max_ms": 500, "sample_tokens": 1000},
    "micro": {"steps": 1500, "max_ms": 500, "sample_tokens": 1000},
    "baby": {"steps": 100, "max_ms": 800, "sample_tokens": 500},
    "small": {"steps": 15, "max_ms": 1500, "warmup": 1, "min_steps": 1, "sample_tokens": 300},
    "nano": {"steps": 3, "max_ms": 1500, "warmup": 1, "min_steps": 1, "sample_tokens": 16},
}
# Left out unless requested: they take 10 seconds per step or more and are never the fastest.
TOO_SLOW = {"small": {"tfjs webgpu"}, "nano": {"tfjs webgpu", "tfjs wasm"}}
SLOW_STEP = 1500  # milliseconds per step; a slower contender runs one round only
MATMUL_SIZES = (256, 512, 1024)


def address(name: str, server, peers) -> str:
    """The address of a contender's page."""
    library, device = name.split(" ")
    page = f"{server.url}bench.html" if library == "ours" else f"{peers.url}{library}.html"
    return f"{page}?device={device}"


@contextlib.contextmanager
def pages(names, isolated: bool):
    """Open a page for each contender in one Chromium; print the error of one that does not start and leave it out."""
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


def call(page, function: str, options: dict) -> dict:
    """Call a function of the page; if it fails, return the error."""
    try:
        return page.evaluate(f"(options) => window.{function}(options)", options)
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        return {"error": lines[0] if "Error" not in lines[-1] else lines[-1]}


def version(page) -> str:
    """A contender's full name, with its version."""
    return page.evaluate("window.peer ?? `pygpt, ${window.device.name}`")


def measure(options) -> None:
    """Measure training and sampling, one size after the other."""
    for name, round_options in CASES.items():
        if not options.wants_size(name, name):
            continue
        names = options.contenders(CONTENDERS)
        if options.complete:
            names = [contender for contender in names if contender not in TOO_SLOW.get(name, ())]
        batch = SIZES[name][4]
        write_work(name, batch)
        results, versions = {}, {}
        with pages(names, options.isolated) as (opened, chromium):
            for _ in range(options.rounds):
                for contender, page in opened.items():
                    result = results.get(contender, {})
                    if records.median(result.get("ms", [])) > SLOW_STEP or "error" in result:
                        continue
                    answer = call(page, "runBench", {"size": name, "batch_size": batch, **round_options})
                    records.add_round(results, contender, answer)
                    versions[contender] = version(page)
        records.compare_losses(results, "ours numpy" if "ours numpy" in results else "ours webgpu")
        records.show("tab" + (", isolated" if options.isolated else ""), name, results)
        if options.complete:
            records.save(
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
    """Measure products of square matrices in the tab."""
    results, versions = {}, {}
    with pages(options.contenders(CONTENDERS), options.isolated) as (opened, chromium):
        for side in MATMUL_SIZES:
            print(f"{side:<8}", end="", flush=True)
            for contender, page in opened.items():
                product = {"m": side, "k": side, "n": side}
                first = call(page, "runMatmul", {**product, "reps": 1})
                reps = max(1, min(20, int(300 / first["ms"]))) if "ms" in first else 0
                answers = [
                    call(page, "runMatmul", {**product, "reps": reps}) for _ in range(options.rounds if reps else 0)
                ]
                rates = [answer["gflops"] for answer in answers if "gflops" in answer]
                results.setdefault(contender, {})[f"{side} nn"] = rates
                versions[contender] = version(page)
                print(f"{contender:>14} {records.median(rates):>6.1f}", end="", flush=True)
            print(" GFLOP/s")
    if options.complete:
        records.save(
            "matmul",
            "isolated" if options.isolated else "tab",
            {"results": results, "versions": versions, "Chromium": chromium},
        )


def boot(options) -> None:
    """Measure the time from navigation to a ready Python, in fresh profiles and with a warm HTTP cache."""
    with open_site() as (server, browser):
        cold, warm = [], []
        for _ in range(max(3, options.rounds)):
            with open_tab(server, browser) as tab:
                cold.append(tab.boot_seconds)
                tab.page.goto("about:blank")
                tab.boot()
                warm.append(tab.boot_seconds)
        print(
            f"navigation to a ready Python: {records.median(cold):.2f} s in a fresh profile, "
            f"{records.median(warm):.2f} s with a warm cache"
        )
        records.save("boot", "tab", {"cold": cold, "warm": warm, "Chromium": browser.version})
