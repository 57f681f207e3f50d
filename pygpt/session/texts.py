"""The text of the next run: chosen among the built-in ones, sent by the visitor, or taken from the run."""

from collections.abc import Callable

from pygpt.data import Text, text_from_bytes
from pygpt.errors import DataError
from pygpt.session.events import Emit
from pygpt.session.message_records import TextFacts
from pygpt.session.messages import Text as TextEvent
from pygpt.session.preparing import Preparing
from pygpt.training.run import Run

LONGEST_RETURNED = 200_000  # characters; a longer text of the visitor's own is not sent back to the page
NO_TEXT = "there is no text to train on yet; choose one, or paste your own"


class Texts:
    """Carries out the commands about the text of the next run. `chosen` is that text; without one, `why_none` says why.

    `site` loads the built-in texts; `run` returns the session's run, or None.
    """

    def __init__(self, emit: Emit, site, preparing: Preparing, run: Callable[[], Run | None]):
        self.emit, self.site, self.preparing, self.run = emit, site, preparing, run
        self.chosen: Text | None = None
        self.why_none = NO_TEXT
        self._asked: tuple[str, bytes] | Text | None = None  # the text requested last

    async def choose_text(self, name: str, built_in: bool, data: bytes = b"") -> None:
        """Choose the text of the next run. Raises: DataError if it cannot be loaded; no text is then chosen."""
        await self.preparing.run("text", self._load(name, built_in, data))

    async def _load(self, name, built_in, data):
        self.chosen, self._asked, self.why_none = None, (name, data), NO_TEXT
        latest = lambda: self._asked == (name, data)  # no other text was chosen while this one loads
        try:
            text = await self.site.load_text(name) if built_in else text_from_bytes(name, data)
        except DataError as error:
            if latest():
                self.why_none = str(error)
                raise
        else:
            if latest():
                self._send(text, name)

    def _send(self, text: Text, asked: str, data: bytes | None = None, of_run: bool = False) -> None:
        self.chosen = text
        self.emit(TextEvent(TextFacts.of(text), asked, of_run), data)

    async def choose_run_text(self) -> None:
        """Choose the text of the current run for the next one too. Raises: DataError without a run."""
        run = self.run()
        if run is None:
            raise DataError("there is no run whose text could be chosen")
        text = run.text
        assert isinstance(text, Text)  # a session has no shards
        self._asked = text
        own = text.text.encode() if not text.built_in and len(text.text) <= LONGEST_RETURNED else None
        self._send(text, text.name, own, of_run=True)

    async def clear_text(self) -> None:
        """Remove the text of the next run: the visitor chose to write one, and has not written it yet."""
        self.chosen, self._asked, self.why_none = None, None, NO_TEXT
