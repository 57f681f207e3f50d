// The interpreter of PyScript's configuration: Pyodide, started so that it also runs where the site's data are blocked and
// where the server sends wasm with another type than application/wasm, and fails with the file's address.

import { loadPyodide as load, version } from "../pyodide/pyodide.js";
import { replaceBlockedDatabase } from "../transport/blocked_storage.js";

const FOLDER = new URL("../pyodide/", import.meta.url).href;

/** @type {(error: Error) => void} */
let fail = () => {};
const failed = new Promise((_, reject) => (fail = reject));
failed.catch(() => {}); // reported by `loadPyodide`

// Pyodide only logs a failed instantiation and then waits forever. Browsers compile while downloading, and keep the
// compiled code, for the type application/wasm alone; other types are compiled after the download.
const compileWhileDownloading = WebAssembly.instantiateStreaming;
WebAssembly.instantiateStreaming = async (source, imports) => {
  const response = await source;
  try {
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const type = (response.headers.get("content-type") ?? "").split(";", 1)[0]?.trim();
    if (type === "application/wasm") return await compileWhileDownloading(response, imports);
    return await WebAssembly.instantiate(await response.arrayBuffer(), imports);
  } catch (error) {
    fail(new Error(`${response.url} could not be loaded (${error instanceof Error ? error.message : error})`));
    throw error;
  }
};

await replaceBlockedDatabase();

/** @param {object} options those of Pyodide's loadPyodide */
export const loadPyodide = (options) => Promise.race([load({ ...options, indexURL: FOLDER }), failed]);
export { version };
