"""Training steps and sampled tokens against the clock; needs pygpt alone, so it runs in the tab too."""

import time

from pygpt.sample import Sampler


async def time_steps(run, seconds, least=5):
    """Milliseconds of each of several stretches of steps, after one step that is not counted (it compiles)."""
    device, steps = run.device, run.train()
    for event in steps:
        if event.kind == "step":
            break
    await device.fetch(run.history)
    found, stretch = [], 1
    began = time.perf_counter()
    while time.perf_counter() - began < seconds or len(found) < least:
        start = time.perf_counter()
        for _ in range(stretch):
            next(steps)
        await device.fetch(run.history)
        took = 1000 * (time.perf_counter() - start)
        found.append(took / stretch)
        # Long enough that reading the losses back is no part of the figure.
        if took < 100:
            stretch *= 2
            found.clear()
    return found


async def time_tokens(run, count=64):
    """Tokens a second of each of three stretches of sampling, after one that is not counted."""
    sampler = Sampler(run.model, run.tokenizer, seed=1)
    found = []
    for _ in range(4):
        start = time.perf_counter()
        sampler.enqueue(count)
        await run.device.fetch(sampler.output)
        found.append(count / (time.perf_counter() - start))
    return found[1:]
