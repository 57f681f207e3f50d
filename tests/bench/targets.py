"""Compare the recorded measurements with the performance targets. A missed target is reported; nothing fails."""

from tests.bench.records import median

TAB_PEERS = ("tfjs wasm", "tfjs webgpu", "jaxjs wasm", "jaxjs webgpu")


def targets(saved: dict):
    """Yield (what, limit, measured, met) for each target; met is None without a measurement."""
    for name, limit in (("bigram", 0.5), ("micro", 0.5), ("baby", 0.5), ("small", 0.6), ("nano", 0.75)):
        yield ratio(
            saved, f"tab, no GPU (NumPy): {name} against the best peer", limit, ("tab", name), "ours numpy", TAB_PEERS
        )
    yield at_least(
        saved,
        "tab, matmul 512, no GPU, GFLOP/s (26 without relaxed SIMD)",
        40,
        ("matmul", "tab"),
        "ours numpy",
        "512 nn",
    )
    for name in ("bigram", "micro", "baby", "small", "nano"):
        yield ratio(
            saved,
            f"tab, software WebGPU: {name} against jax-js webgpu",
            0.5,
            ("tab", name),
            "ours webgpu",
            ("jaxjs webgpu",),
        )
    for name, limit in (("micro", 0.25), ("small", 1.0), ("nano-8", 1.1)):
        yield ratio(
            saved,
            f"native NumPy: {name} against PyTorch eager",
            limit,
            ("native", name),
            "ours numpy",
            ("torch eager",),
        )
    for device, limits in (("numpy", (0.3, 0.5, 1.0)), ("webgpu", (0.8, 1.6, 2.6))):
        for name, limit in zip(("micro", "baby", "small"), limits):
            yield at_most(
                saved,
                f"tab, {device}: first step of {name}, s",
                limit,
                ("tab", name),
                f"ours {device}",
                "first_ms",
                1e-3,
                first=True,
            )
    for name, limit in (("micro", 3000), ("baby", 1500), ("small", 600)):
        yield at_least(saved, f"tab, no GPU: sampling {name}, tokens/s", limit, ("tab", name), "ours numpy", "tokens")
    yield at_most(
        saved, "tab: host time of a replayed step of nano, ms", 0.5, ("tab", "nano"), "ours webgpu", "host_ms"
    )
    yield at_most(
        saved, "native: host time of a replayed step of nano, ms", 1.0, ("native", "nano-2"), "ours webgpu", "host_ms"
    )
    yield at_most(saved, "dispatches of a step of nano", 160, ("native", "nano-2"), "ours webgpu", "launches")
    warm = saved.get(("boot", "tab"), {}).get("warm", [])
    yield (
        "tab: navigation to a ready Python, warm cache, s",
        "<= 1.5",
        f"{median(warm):.2f}" if warm else "",
        median(warm) <= 1.5 if warm else None,
    )
    yield from _memory(saved)
    for what, limit in (
        ("real GPU: float32 matmul 4096 against PyTorch's", ">= 0.6 x"),
        ("real GPU: nano, batch 12, against PyTorch eager", "<= 1.25 x, >= 45 % of our own matmul rate"),
    ):
        yield what, limit, "", None


def _result(saved, key, contender):
    return saved.get(key, {}).get("results", {}).get(contender, {})


def ratio(saved, what, limit, key, ours, peers):
    """Our median time over the fastest peer's, from one run."""
    theirs = {peer: _result(saved, key, peer).get("ms") for peer in peers}
    best = min(((median(times), peer) for peer, times in theirs.items() if times), default=None)
    mine = _result(saved, key, ours).get("ms")
    if not mine or not best:
        return what, f"<= {limit:g} x", "", None
    value = median(mine) / best[0]
    return what, f"<= {limit:g} x", f"{value:.2f} x ({median(mine):.3g} ms; {best[1]} {best[0]:.3g} ms)", value <= limit


def at_most(saved, what, limit, key, contender, field, scale=1.0, first=False):
    """A figure of one contender that should be at most `limit`."""
    values = _result(saved, key, contender).get(field)
    if not values:
        return what, f"<= {limit:g}", "", None
    value = scale * (values[0] if first else median(values))
    return what, f"<= {limit:g}", f"{value:.3g}", value <= limit


def at_least(saved, what, limit, key, contender, field):
    """A figure of one contender that should be at least `limit`."""
    values = _result(saved, key, contender).get(field)
    if not values:
        return what, f">= {limit:g}", "", None
    return what, f">= {limit:g}", f"{median(values):,.0f}", median(values) >= limit


def _memory(saved):
    """The memory of nano with batch 8, natively on NumPy: against the estimate and against PyTorch's process."""
    ours, torch = (_result(saved, ("native", "nano-8"), contender) for contender in ("ours numpy", "torch eager"))
    what, limit = "peak device memory of nano, batch 8, against the estimate", "within 10 %"
    if ours.get("device_bytes"):
        value = median(ours["device_bytes"]) / median(ours["estimate_bytes"])
        yield what, limit, f"{value:.2f} x ({median(ours['device_bytes']) / 1e6:,.0f} MB)", 0.9 <= value <= 1.1
    else:
        yield what, limit, "", None
    what, limit = "memory growth of the process with nano, batch 8, against PyTorch eager", "<= 1 x"
    if ours.get("peak_bytes") and torch.get("peak_bytes"):
        value = median(ours["peak_bytes"]) / median(torch["peak_bytes"])
        yield what, limit, f"{value:.2f} x ({median(ours['peak_bytes']) / 1e6:,.0f} MB)", value <= 1
    else:
        yield what, limit, "", None
