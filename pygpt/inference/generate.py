"""The generation loop: sends tokens to the device in slices, and yields their text as it arrives."""

from collections.abc import AsyncGenerator, Callable, Iterator

from pygpt.config.fields import coerce
from pygpt.config.sampling import SamplingConfig
from pygpt.errors import ExperimentError
from pygpt.inference.sampler import Sampler
from pygpt.tokenizers import Tokenizer
from pygpt.utils.blocking import iterate_blocking

SLICE = 16  # tokens in a slice: few enough to stream, enough to keep a device busy


async def stream(
    sampler: Sampler,
    max_new_tokens: int,
    next_slice_size: Callable[[int], int] = lambda done: SLICE,
    should_continue: Callable[[], bool] = lambda: True,
) -> AsyncGenerator[str, None]:
    """Yield a sampler's text in pieces, until it ends, after `max_new_tokens`, or when `should_continue()` is False.

    `next_slice_size(done)` returns the number of tokens to send after the first `done`. The last piece is the text held
    back.
    """
    done = 0
    while done < max_new_tokens and not sampler.done and should_continue():
        count = min(next_slice_size(done), max_new_tokens - done)
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
    template: tuple[int, ...] | None = None,
) -> Iterator[str]:
    """Yield the continuation of a prompt in pieces. Blocks while it reads, so it is for native devices.

    Raises: ExperimentError if `max_new_tokens` is no whole number from 1; otherwise as Sampler.
    """
    if coerce("max_new_tokens", int, max_new_tokens) < 1:
        raise ExperimentError("max_new_tokens", f"{max_new_tokens} is less than 1")
    sampler = Sampler(model, tokenizer, prompt, config, template=template)
    return iterate_blocking(stream(sampler, max_new_tokens, lambda done: slice_size))
