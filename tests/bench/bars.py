"""What is aimed at, held against what was kept. Nothing fails by it: an aim that is not met is shown."""

from tests.bench.records import middle

TAB_PEERS = ("tfjs wasm", "tfjs webgpu", "jaxjs wasm", "jaxjs webgpu")


def judged(found: dict):
    """(what, aim, measured, met) of each bar; met is None where nothing was measured."""
    for name, aim in (("bigram", 0.5), ("micro", 0.5), ("baby", 0.5), ("small", 0.6), ("nano", 0.75)):
        yield ratio(
            found, f"tab, no GPU (NumPy): {name} against the best peer", aim, ("tab", name), "ours numpy", TAB_PEERS
        )
    yield at_least(
        found,
        "tab, matmul 512, no GPU, GFLOP/s (26 without relaxed SIMD)",
        40,
        ("matmul", "tab"),
        "ours numpy",
        "512 nn",
    )
    for name in ("bigram", "micro", "baby", "small", "nano"):
        yield ratio(
            found,
            f"tab, software WebGPU: {name} against jax-js webgpu",
            0.5,
            ("tab", name),
            "ours webgpu",
            ("jaxjs webgpu",),
        )
    for name, aim in (("micro", 0.25), ("small", 1.0), ("nano-8", 1.1)):
        yield ratio(
            found, f"native NumPy: {name} against PyTorch eager", aim, ("native", name), "ours numpy", ("torch eager",)
        )
    for device, aims in (("numpy", (0.3, 0.5, 1.0)), ("webgpu", (0.8, 1.6, 2.6))):
        for name, aim in zip(("micro", "baby", "small"), aims):
            yield at_most(
                found,
                f"tab, {device}: first step of {name}, s",
                aim,
                ("tab", name),
                f"ours {device}",
                "first_ms",
                1e-3,
                first=True,
            )
    for name, aim in (("micro", 3000), ("baby", 1500), ("small", 600)):
        yield at_least(found, f"tab, no GPU: sampling {name}, tokens/s", aim, ("tab", name), "ours numpy", "tokens")
    yield at_most(
        found, "tab: host time of a replayed step of nano, ms", 0.5, ("tab", "nano"), "ours webgpu", "host_ms"
    )
    yield at_most(
        found, "native: host time of a replayed step of nano, ms", 1.0, ("native", "nano-2"), "ours webgpu", "host_ms"
    )
    yield at_most(found, "dispatches of a step of nano", 160, ("native", "nano-2"), "ours webgpu", "launches")
    warm = found.get(("boot", "tab"), {}).get("warm", [])
    yield (
        "tab: navigation to a ready Python, warm cache, s",
        "<= 1.5",
        f"{middle(warm):.2f}" if warm else "",
        middle(warm) <= 1.5 if warm else None,
    )
    yield from _memory(found)
    for what, aim in (
        ("real GPU: float32 matmul 4096 against PyTorch's", ">= 0.6 x"),
        ("real GPU: nano, batch 12, against PyTorch eager", "<= 1.25 x, >= 45 % of our own matmul rate"),
    ):
        yield what, aim, "", None


def _held(found, key, contender):
    return found.get(key, {}).get("results", {}).get(contender, {})


def ratio(found, what, aim, key, ours, peers):
    """Our median over the best peer's, of one run."""
    theirs = {peer: _held(found, key, peer).get("ms") for peer in peers}
    best = min(((middle(taken), peer) for peer, taken in theirs.items() if taken), default=None)
    mine = _held(found, key, ours).get("ms")
    if not mine or not best:
        return what, f"<= {aim:g} x", "", None
    value = middle(mine) / best[0]
    return what, f"<= {aim:g} x", f"{value:.2f} x ({middle(mine):.3g} ms; {best[1]} {best[0]:.3g} ms)", value <= aim


def at_most(found, what, aim, key, contender, field, scale=1.0, first=False):
    """A figure of one contender that ought to be small."""
    values = _held(found, key, contender).get(field)
    if not values:
        return what, f"<= {aim:g}", "", None
    value = scale * (values[0] if first else middle(values))
    return what, f"<= {aim:g}", f"{value:.3g}", value <= aim


def at_least(found, what, aim, key, contender, field):
    """A figure of one contender that ought to be large."""
    values = _held(found, key, contender).get(field)
    if not values:
        return what, f">= {aim:g}", "", None
    return what, f">= {aim:g}", f"{middle(values):,.0f}", middle(values) >= aim


def _memory(found):
    """Of nano with the larger batch, natively on NumPy: against the estimate, and against PyTorch's process."""
    ours, torch = (_held(found, ("native", "nano-8"), contender) for contender in ("ours numpy", "torch eager"))
    what, aim = "peak device memory of nano, batch 8, against the estimate", "within 10 %"
    if ours.get("device_bytes"):
        value = middle(ours["device_bytes"]) / middle(ours["estimate_bytes"])
        yield what, aim, f"{value:.2f} x ({middle(ours['device_bytes']) / 1e6:,.0f} MB)", 0.9 <= value <= 1.1
    else:
        yield what, aim, "", None
    what, aim = "growth of the process with nano, batch 8, against PyTorch eager", "<= 1 x"
    if ours.get("peak_bytes") and torch.get("peak_bytes"):
        value = middle(ours["peak_bytes"]) / middle(torch["peak_bytes"])
        yield what, aim, f"{value:.2f} x ({middle(ours['peak_bytes']) / 1e6:,.0f} MB)", value <= 1
    else:
        yield what, aim, "", None
