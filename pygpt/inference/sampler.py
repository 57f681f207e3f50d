"""Sampling: a model writing on from a prompt, token by token, without the host in between.

The window holds the last tokens, each at its position from 0 up. When it is full, it is cut to its newest half (T // 2
tokens of T, then the new one): most tokens stay where they are, so that what each layer worked out for them can be kept in
a cache, and a token costs a forward pass over one row. After a cut the cache is filled again, by one pass over half a window.
"""

import struct

from pygpt.config.sampling import SamplingConfig
from pygpt.errors import TokenizerError
from pygpt.ops import append_token, repetition_penalty, sample
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import Tensor, no_tape, tensor
from pygpt.tokenizers import Tokenizer

# Rows that are read of a short prompt at least.
SHORT_READ = 64
# How many tokens the device keeps: the driver must take at least this often.
KEPT_TOKENS = 4096


class Sampler:
    """One text being written.

    `enqueue(n)` sends n more tokens, `output` is the tensor to read, `take` turns what was read into text,
    and `taken` counts the tokens so far. `config` says
    how to sample. Where the model learned documents, the text ends when the model ends its document, and `done` says so;
    it also ends right before the first of the texts `config.stop`, of which nothing is given. `cached=False` works
    everything out anew for each token, over the same windows: slower, and the reference for what the cache gives.
    Raises: TokenizerError for a character in the prompt that the model never saw.
    """

    def __init__(
        self,
        model,
        tokenizer: Tokenizer,
        prompt: str = "",
        config: SamplingConfig | None = None,
        cached: bool = True,
    ):
        config = config or SamplingConfig()
        self._stop = _Stop(config.stop)
        self.model, self.tokenizer = model, tokenizer
        self.done = False
        self.taken = 0
        self._decoder = tokenizer.decoder()
        block = model.block_size
        ids = self._prompt_ids(prompt)[-block:]
        device = self.device = next(model.named_parameters())[3].device
        self._window = tensor(device, [*ids, *[0] * (block - len(ids))], dtype="uint32")
        self._newest = tensor(device, ids[-1:], dtype="uint32")
        self._position = tensor(device, [len(ids) - 1], dtype="uint32")  # of the newest token
        self._seed = tensor(device, [config.seed], dtype="uint32")
        self._settings = tensor(
            device, [float(config.temperature), float(config.top_k), float(config.top_p), float(config.min_p)]
        )
        self._penalty = tensor(device, [float(config.repetition_penalty)]) if config.repetition_penalty != 1.0 else None
        # One tensor to read: [tokens so far], then the tokens, round and round.
        self.output = tensor(device, bytes(4 * (64 + KEPT_TOKENS)), dtype="uint32")
        self._count = Tensor(self.output.buffer, (1,), "uint32", 0)
        self._tokens = self.output.slice(64, (KEPT_TOKENS,))
        self._cache = model.new_cache() if cached else None
        # The window's length is counted here as well: when to fill the cache is decided without reading anything back.
        self._length = len(ids)
        self._unread = self._length - 1  # tokens before the newest that the cache does not hold
        self._next = Capture(device, self._next_token)
        self._read_half = None

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
        with no_tape():
            if self._cache is None:
                logits = self.model.logits(self._window.reshape(1, -1))
            else:
                logits = self.model.logits(self._newest.reshape(1, 1), cache=self._cache, position=self._position)
        if self._penalty is not None:
            logits = repetition_penalty(logits, self._position, self._window, self._penalty)
        sample(logits, self._position, self._seed, self._count, self._settings, out=self._newest)
        append_token(self._newest, out=(self._window, self._position, self._tokens, self._count))

    def _read(self, length):
        """Fill the cache from the window's first `length` tokens; those that are not there yet leave rows nobody looks at."""
        with no_tape():
            self.model.hidden(self._window.slice(0, (1, length)), cache=self._cache)

    def _fill_cache(self):
        half = self.model.block_size // 2
        # A short prompt under a long block, once: 512 rows of GPT-2 for a prompt of two tokens were 7 of 7.4 seconds. A GPU
        # compiles for each length anew, so there are few of them.
        short = max(SHORT_READ, 1 << (self._unread - 1).bit_length())
        if self._unread > half:  # only a long prompt, so once
            self._read(self.model.block_size)
        elif short < half and self._read_half is None:
            self._read(short)
        else:
            self._read_half = self._read_half or Capture(self.device, lambda: self._read(half))
            self._read_half()
        self._unread = 0

    def enqueue(self, count: int) -> None:
        """Put `count` more tokens on their way."""
        block = self.model.block_size
        while count > 0:
            if self._cache and self._unread:
                self._fill_cache()
            tokens = min(count, block + 1 - self._length)
            self._next(tokens)
            count -= tokens
            self._length += tokens
            if self._length > block:
                self._length, self._unread = block // 2 + 1, block // 2

    def take(self, output: bytes) -> str:
        """The text that came since the last time, from what reading `output` gave."""
        (count,) = struct.unpack_from("<I", output, 0)
        ids = [
            struct.unpack_from("<I", output, 4 * (64 + index % KEPT_TOKENS))[0] for index in range(self.taken, count)
        ]
        self.taken = count
        if self.done:
            return ""
        if self.tokenizer.bos in ids:
            ids = ids[: ids.index(self.tokenizer.bos)]
            self.done = True
        text = self._decoder.feed(ids) + (self._decoder.flush() if self.done else "")
        text = self._stop.cut(text, last=self.done)
        self.done = self.done or self._stop.met
        return text

    def finish(self) -> str:
        """What is left once no more tokens will be taken: the beginning of a character, or of a text to stop at, that never
        came to its end."""
        return "" if self.done else self._stop.cut(self._decoder.flush(), last=True)


class _Stop:
    """Passes on a text that comes in pieces, up to the first of some texts; `met` says whether it came."""

    def __init__(self, stops):
        self.stops = stops
        self.held, self.met = "", False

    def cut(self, piece: str, last: bool) -> str:
        """What can be passed on by now: not what may turn out to begin one of the texts, unless this was the last piece."""
        text = self.held + piece
        self.held = ""
        places = [place for place in map(text.find, self.stops) if place >= 0]
        if places:
            self.met = True
            return text[: min(places)]
        if not last:
            begun = [length for stop in self.stops for length in range(1, len(stop)) if text.endswith(stop[:length])]
            if begun:
                self.held = text[-max(begun) :]
                return text[: -max(begun)]
        return text
