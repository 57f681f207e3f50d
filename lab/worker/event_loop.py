"""Wakes the event loop of the tab once for all tasks that are ready, as asyncio does elsewhere.

Pyodide's loop (314) sends itself a message for each callback, and a second one before it calls into Python where
WebAssembly can switch stacks; each message runs all callbacks that are ready. Two tasks that take turns therefore send
more messages than they use, and a command of the page waits behind all of them: without a GPU, as long as the run has
lasted.
"""

from pyodide import webloop
from pyodide.code import run_js
from pyodide_js import _api

COALESCED = """(schedule) => {
  let ready = [];
  const run = () => {
    const callbacks = ready;
    ready = [];
    for (const callback of callbacks) {
      try {
        callback();
      } catch (error) {
        reportError(error);
      }
    }
  };
  return (callback, milliseconds) => {
    if (milliseconds > 0) schedule(callback, milliseconds);
    else if (ready.push(callback) === 1) schedule(run, 0);
  };
}"""


def coalesce_wake_ups() -> None:
    """Have at most one message of the event loop under way. To be called once, before tasks run."""
    webloop.scheduleCallback = _api.scheduleCallback = run_js(COALESCED)(_api.scheduleCallback)
