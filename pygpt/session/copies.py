"""The safety copies of earlier visits, offered in a session."""

from pygpt.session.message_records import KeptRun
from pygpt.session.messages import Emit, Found


async def send_copies(emit: Emit, store) -> None:
    """Send the safety copies, and again when they change because the tab that this one replaces has closed."""
    sent: list[str] = []
    attempt = 0
    while True:
        copies = await store.find()
        if (names := [about["copy"] for about in copies]) != sent:
            sent = names
            fields = ("copy", "name", "step", "steps", "seconds_ago")
            emit(Found([KeptRun(**{field: about[field] for field in fields}) for about in copies]))
        if not await store.wait_for_closing_tabs(attempt):
            return
        attempt += 1
