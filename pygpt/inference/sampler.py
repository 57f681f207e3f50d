"""Sampling: continues a prompt token by token on the device, without the host in between.

The window holds the last tokens, each at its position from 0. A full window is cut to its newest half (T // 2 tokens of
T, then the new one). Between two cuts, tokens keep their positions. Each layer can therefore cache its keys and values,
and a token costs a forward pass over one row. After a cut, one pass over half a window fills the cache again.
"""

import struct

from pygpt.config.sampling import SamplingConfig
from pygpt.errors import LogitsError, TokenizerError
from pygpt.ops import NO_TOKEN, append_token, repetition_penalty, sample
from pygpt.runs.provenance import prompt_ids, text_ends
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import Tensor, no_tape, tensor
from pygpt.tokenizers import Tokenizer

# The minimum number of rows in the pass over a short prompt.
SHORT_READ = 64
# The device keeps this many tokens: the driver must call `take` at least once in as many tokens.
KEPT_TOKENS = 4096


class Sampler:
    """Generates one text.

    `enqueue(n)` sends n more tokens, `output` is the tensor to read, `take` turns the data read into text, and `taken`
    counts the tokens so far. `config` holds the sampling settings. The text ends where a model of documents ends its
    document, or right before the text among `config.stop` that is complete first; `done` is then true. `cached=False`
    recomputes the whole window for each token: slower, and the reference for the cache. `template` are the ids that a
    prompt begins with; without, it begins with the token between documents, if there is one, as in the training of
    documents.
    Raises: TokenizerError for a character in the prompt that is not in the vocabulary; `take` and `finish`
        raise LogitsError after the last token that could be drawn, if logits are NaN or infinite.
    """

    def __init__(
        self,
        model,
        tokenizer: Tokenizer,
        prompt: str = "",
        config: SamplingConfig | None = None,
        cached: bool = True,
        template: tuple[int, ...] | None = None,
    ):
        config = config or SamplingConfig()
        self._stop = StopFilter(config.stop)
        self.model, self.tokenizer = model, tokenizer
        self.done = self._broken = False
        self.taken = 0
        self._ends = text_ends(template, tokenizer)
        self._decoder = tokenizer.decoder(begins=not prompt)
        block = model.block_size
        if not isinstance(prompt, str):
            raise TokenizerError(f"a prompt is a text to continue, not {type(prompt).__name__}")
        ids = prompt_ids([*tokenizer.encode(prompt)], template, tokenizer)[-block:]
        device = self.device = next(model.named_parameters())[3].device
        self._window = tensor(device, [*ids, *[0] * (block - len(ids))], dtype="uint32")
        self._newest = tensor(device, ids[-1:], dtype="uint32")
        self._unusable = tensor(device, [0], dtype="uint32")  # 1 if the newest could not be drawn
        self._position = tensor(device, [len(ids) - 1], dtype="uint32")  # of the newest token
        self._seed = tensor(device, [config.seed], dtype="uint32")
        self._settings = tensor(
            device, [float(config.temperature), float(config.top_k), float(config.top_p), float(config.min_p)]
        )
        self._penalty = tensor(device, [float(config.repetition_penalty)]) if config.repetition_penalty != 1.0 else None
        # One tensor to read: [tokens so far], then a ring buffer of tokens.
        self.output = tensor(device, bytes(4 * (64 + KEPT_TOKENS)), dtype="uint32")
        self._count = Tensor(self.output.buffer, (1,), "uint32", 0)
        self._tokens = self.output.slice(64, (KEPT_TOKENS,))
        self._cache = model.new_cache() if cached else None
        # The host also counts the window's length, to schedule cache fills without reading from the device.
        self._length = len(ids)
        self._unread = self._length - 1  # tokens before the newest that the cache does not hold
        self._next = Capture(device, self._next_token)
        self._read_half: Capture | None = None

    def _next_token(self):
        with no_tape():
            if self._cache is None:
                logits = self.model.logits(self._window.reshape(1, -1))
            else:
                logits = self.model.logits(self._newest.reshape(1, 1), cache=self._cache, position=self._position)
        if self._penalty is not None:
            logits = repetition_penalty(logits, self._position, self._window, self._penalty)
        sample(logits, self._position, self._seed, self._count, self._settings, out=(self._newest, self._unusable))
        append_token(self._newest, self._unusable, out=(self._window, self._position, self._tokens, self._count))

    def _read(self, length):
        """Fill the cache from the window's first `length` tokens. Rows beyond the newest token are never read."""
        with no_tape():
            self.model.fill_cache(self._window.slice(0, (1, length)), self._cache)

    def _fill_cache(self):
        half = self.model.block_size // 2
        # A short prompt in a long block is read once, in few rows: 512 rows of GPT-2 for a prompt of two tokens took
        # 7 of 7.4 seconds. A GPU compiles each length separately, so the lengths are powers of two.
        short = max(SHORT_READ, 1 << (self._unread - 1).bit_length())
        if self._unread > half:  # only after a long prompt, so at most once
            self._read(self.model.block_size)
        elif short < half and self._read_half is None:
            self._read(short)
        else:
            self._read_half = self._read_half or Capture(self.device, lambda: self._read(half))
            self._read_half()
        self._unread = 0

    def enqueue(self, count: int) -> None:
        """Send `count` more tokens to the device."""
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
        """Return the text since the last call, from the data read from `output`."""
        (count,) = struct.unpack_from("<I", output, 0)
        ids = [
            struct.unpack_from("<I", output, 4 * (64 + index % KEPT_TOKENS))[0] for index in range(self.taken, count)
        ]
        self.taken = count
        if self.done:
            return ""
        self._raise_if_broken()
        if NO_TOKEN in ids:
            ids = ids[: ids.index(NO_TOKEN)]
            self._broken = True
            if not ids:
                self._raise_if_broken()
        end = next((index for index, token in enumerate(ids) if token in self._ends), None)
        if end is not None:
            ids = ids[:end]
            self.done = True
        text = self._decoder.feed(ids) + (self._decoder.flush() if self.done else "")
        text = self._stop.cut(text, last=self.done)
        self.done = self.done or self._stop.met
        return text

    def finish(self) -> str:
        """Return the text held back after the last token: an incomplete character, or the start of a stop text."""
        if self.done:
            return ""
        self._raise_if_broken()
        return self._stop.cut(self._decoder.flush(), last=True)

    def _raise_if_broken(self):
        if self._broken:
            raise LogitsError(
                "the model's logits are not finite numbers, so no token can be drawn: its weights are damaged or its "
                "training diverged; take an earlier checkpoint, or train again with a lower learning rate"
            )


class StopFilter:
    """Passes on the pieces of a text up to the stop text that is complete first; `met` is true once one was.

    Of two that end at the same character, the longer one counts. What is passed on does not depend on how the text is
    divided into pieces.
    """

    def __init__(self, stops):
        self.stops = stops
        self.held, self.met = "", False

    def cut(self, piece: str, last: bool) -> str:
        """Return the text that can be passed on. Its end is held back if it can start a stop text, except if `last`."""
        text = self.held + piece
        self.held = ""
        found = [(text.find(stop), len(stop)) for stop in self.stops if stop in text]
        if found:
            self.met = True
            begin, _ = min(found, key=lambda place: (sum(place), place))
            return text[:begin]
        if not last:
            partial = [length for stop in self.stops for length in range(1, len(stop)) if text.endswith(stop[:length])]
            if partial:
                self.held = text[-max(partial) :]
                return text[: -max(partial)]
        return text
