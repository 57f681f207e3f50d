// The connection to the worker that PyScript starts for a script element of type "py", and its errors. messages.js
// declares the messages; bytes (a text file, a saved run) are sent beside them.

import { labels } from "../ui/labels.js";
import { replaceBlockedDatabase, replaceBlockedWorker } from "./blocked_storage.js";

/** @typedef {import("./messages.js").Command} Command */
/** @typedef {import("./messages.js").Event} Event */
/** @typedef {(command: Command, bytes?: Uint8Array) => void} Send */
/** @typedef {(event: Event, bytes?: Uint8Array) => void} Receive */

/**
 * Waits until a worker runs, and returns the functions that it offers.
 * @param {HTMLScriptElement} script
 * @param {Record<string, Function>} [offered]  functions of the page that the worker may call
 */
export async function startWorker(script, offered = {}) {
  replaceBlockedWorker();
  await replaceBlockedDatabase();
  // Fails if PyScript itself could not be loaded.
  const { whenDefined } = await import("../pyscript/core.js");
  await whenDefined("py");
  while (!script.xworker) await new Promise((resolve) => setTimeout(resolve, 10));
  Object.assign(script.xworker.sync, offered); // before `ready`, so that no call is missed
  const { sync } = await script.xworker.ready;
  return sync;
}

/**
 * Connects to the lab's worker.
 * @param {HTMLScriptElement} script
 * @param {string} site  URL of the folder that the page was loaded from: a worker started from a blob has none
 * @param {Receive} receive
 * @returns {Promise<Send>}
 */
export async function connectWorker(script, site, receive) {
  const { begin, command } = await startWorker(script, {
    event: (/** @type {string} */ json, /** @type {Uint8Array|undefined} */ bytes) => receive(JSON.parse(json), bytes),
  });
  await begin(site);
  return (message, bytes) => {
    command(JSON.stringify(message), bytes).catch((/** @type {unknown} */ error) => receive(failure(error, message.type)));
  };
}

/**
 * An error event for a failure that sent none: the worker did not start, or a command failed unexpectedly.
 * @param {unknown} error @param {string} during @returns {import("./messages.js").ErrorEvent}
 */
export function failure(error, during) {
  const reason = lastLine(error);
  // An exception without a text, such as a MemoryError, is the name of its class, or nothing at all.
  const message = /\s/.test(reason) ? reason : labels.page.failed(during, reason);
  return { type: "error", message, field: "", during, run_id: "" };
}

/**
 * The message of a Python exception, which arrives as a traceback: its last line without the name of the class.
 * @param {unknown} error
 */
export function lastLine(error) {
  const lines = String(error instanceof Error ? error.message : error).trim().split("\n");
  return (lines.at(-1) ?? "").replace(/^[a-z_][\w.]*\.[A-Z]\w*: /, "");
}
