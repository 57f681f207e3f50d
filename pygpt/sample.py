"""Sampling: a model writing on from a prompt, token by token, without the host in between."""

import struct

from pygpt.capture import Capture
from pygpt.errors import ExperimentError, TokenizerError
from pygpt.ops import advance, append, sample
from pygpt.tensor import Tensor, no_tape, tensor
from pygpt.tokenizers import Tokenizer

# How many tokens the device keeps: the driver must take at least this often.
KEPT_TOKENS = 4096


class Sampler:
    """One text being written.

    `enqueue(n)` puts n more tokens on their way, `output` is the tensor to read, `take` turns what was read into text.
    With `temperature` 0 the likeliest token always wins; `top_k` 0 lets every token compete. Where the model learned
    documents, the text ends when the model ends its document, and `done` says so.
    Raises: TokenizerError for a character in the prompt that the model never saw; ExperimentError for a negative
    temperature or top_k.
    """

    def __init__(self, model, tokenizer: Tokenizer, prompt: str = "", temperature: float = 0.8, top_k: int = 0,
                 seed: int = 1):
        if not 0.0 <= temperature <= 100.0:
            raise ExperimentError("temperature", f"{temperature} is outside 0 to 100")
        if top_k < 0:
            raise ExperimentError("top_k", f"{top_k} is negative; use 0 to let every token compete")
        if not 0 <= seed < 2**32:
            raise ExperimentError("seed", f"{seed} is outside 0 to {2**32 - 1}")
        self.model, self.tokenizer = model, tokenizer
        self.done = False
        self._taken = 0
        self._decoder = tokenizer.decoder()
        block = model.block_size
        ids = self._prompt_ids(prompt)[-block:]
        device = self.device = next(model.named_parameters())[3].device
        self._window = tensor(device, [*ids, *[0] * (block - len(ids))], dtype="uint32")
        self._length = tensor(device, [len(ids)], dtype="uint32")
        # Of the window's newest token; it counts on when the window is full, and `sample` takes the last row then.
        self._position = tensor(device, [len(ids) - 1], dtype="uint32")
        self._seed = tensor(device, [seed], dtype="uint32")
        self._settings = tensor(device, [float(temperature), float(top_k)])
        # One tensor to read: [tokens so far], then the tokens, round and round.
        self.output = tensor(device, bytes(4 * (64 + KEPT_TOKENS)), dtype="uint32")
        self._count = Tensor(self.output.buffer, (1,), "uint32", 0)
        self._tokens = self.output.slice(64, (KEPT_TOKENS,))
        self._once = Capture(device, self._next_token)

    def _prompt_ids(self, prompt):
        ids = list(self.tokenizer.encode(prompt))
        if self.tokenizer.bos is not None:
            return [self.tokenizer.bos, *ids]
        return ids or [self._first_id()]

    def _first_id(self):
        """A stream has no beginning: an empty prompt starts after a line's end, or where the model knows none, a token 0."""
        try:
            return self.tokenizer.encode("\n")[0]
        except TokenizerError:
            return 0

    def _next_token(self):
        window = self._window.reshape(1, self.model.block_size)
        with no_tape():
            logits = self.model.logits(window).reshape(self.model.block_size, self.model.vocab_size)
        token = sample(logits, self._position, self._seed, self._count, self._settings)
        append(token, out=(self._window, self._length, self._tokens, self._count))
        advance(out=self._position)

    def enqueue(self, count: int) -> None:
        """Put `count` more tokens on their way."""
        for _ in range(count):
            self._once()

    def take(self, output: bytes) -> str:
        """The text that came since the last time, from what reading `output` gave."""
        (count,) = struct.unpack_from("<I", output, 0)
        ids = [struct.unpack_from("<I", output, 4 * (64 + index % KEPT_TOKENS))[0] for index in range(self._taken, count)]
        self._taken = count
        if self.done:
            return ""
        if self.tokenizer.bos in ids:
            ids = ids[: ids.index(self.tokenizer.bos)]
            self.done = True
        text = self._decoder.feed(ids)
        return text + self._decoder.flush() if self.done else text

    def finish(self) -> str:
        """What is left once no more tokens will be taken: the beginning of a character that never came to its end."""
        return "" if self.done else self._decoder.flush()


def generate(model, tokenizer: Tokenizer, max_new_tokens: int, at_once: int = 16, **settings):
    """Yield the text as it is written, a few tokens at a time; `settings` are Sampler's. It blocks while it reads."""
    sampler = Sampler(model, tokenizer, **settings)
    left = max_new_tokens
    while left > 0 and not sampler.done:
        sampler.enqueue(min(at_once, left))
        left -= at_once
        yield sampler.take(sampler.device.read(sampler.output))
    yield sampler.finish()


