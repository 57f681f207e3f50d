// Why the lab does not start, or keeps no runs: checks of the site's files, and of what the browser offers this page.

import { labels } from "../ui/labels.js";

const { site: words } = labels;
const PATIENCE = 10_000; // milliseconds without a byte after which a download counts as stalled
const MODULES = ["pyscript/core.js", "transport/blocked_storage.js", "worker/interpreter.js", "pyodide/pyodide.js", "pyodide/pyodide.asm.js"];
const FILES = ["site.json", "worker/lab.py", "pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip", "pyodide/pyodide-lock.json"];

/**
 * Fetches what the lab needs to start, as the browser's cache has it, and returns a sentence about the first file that
 * does not arrive as it should; "" if all do.
 */
export async function findFault() {
  const fault = await faultOf("lab.json");
  if (fault) return fault;
  const { files, js_modules } = await (await fetch("./lab.json")).json();
  const faults = await Promise.all([...MODULES, ...FILES, ...Object.keys(files), ...Object.keys(js_modules.worker)].map(faultOf));
  return faults.find(Boolean) ?? "";
}

/** @param {string} name */
async function faultOf(name) {
  const address = new URL(name, document.baseURI).href;
  const stop = new AbortController();
  let timer = setTimeout(() => stop.abort(), PATIENCE);
  try {
    const response = await fetch(address, { signal: stop.signal });
    if (!response.ok) return words.missing(address, response.status);
    const type = (response.headers.get("content-type") ?? "").split(";", 1)[0] ?? "";
    if (type === "text/html" || (name.endsWith(".js") && !type.includes("javascript"))) return words.wrongType(address, type);
    const reader = response.body?.getReader();
    for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(), PATIENCE);
    }
    return "";
  } catch (error) {
    return stop.signal.aborted ? words.stalled(address, PATIENCE / 1000) : words.unreachable(address, String(error));
  } finally {
    clearTimeout(timer);
  }
}

/** What this page cannot do for lack of a secure address or of storage, as a sentence; "" if it can do all. */
export async function findLimit() {
  if (!isSecureContext) return words.insecure;
  try {
    await navigator.storage.getDirectory();
    return "";
  } catch {
    return words.noStorage;
  }
}
