"""The one generation loop: tokens are sent to the device a slice at a time, and their text is passed on as it comes."""

from collections.abc import AsyncGenerator, Iterator

from pygpt.config.sampling import SamplingConfig
from pygpt.inference.sampler import Sampler
from pygpt.tokenizers import Tokenizer
from pygpt.utils.blocking import iterate_blocking

SLICE = 16  # tokens sent at once: few enough to stream, enough to keep a device busy


async def stream(
    sampler: Sampler, max_new_tokens: int, slices=lambda done: SLICE, keep_going=lambda: True
) -> AsyncGenerator[str, None]:
    """Yield what a sampler writes, piece by piece, until its end, or `max_new_tokens`, or `keep_going()` is False.

    `slices(done)` says how many tokens to send next, after `done` of them. The last piece is what was held back.
    """
    done = 0
    while done < max_new_tokens and not sampler.done and keep_going():
        count = min(slices(done), max_new_tokens - done)
        sampler.enqueue(count)
        done += count
        yield sampler.take(await sampler.device.fetch(sampler.output))
    yield sampler.finish()


def generate(
    model,
    tokenizer: Tokenizer,
    prompt: str = "",
    max_new_tokens: int = 200,
    config: SamplingConfig | None = None,
    slice_size: int = SLICE,
) -> Iterator[str]:
    """Yield what a model writes after a prompt, piece by piece. It blocks while it reads, so it is for native devices."""
    return iterate_blocking(stream(Sampler(model, tokenizer, prompt, config), max_new_tokens, lambda done: slice_size))
