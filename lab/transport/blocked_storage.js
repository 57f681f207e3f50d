// What PyScript needs of a browser that keeps no data for this site: cookies are off, or the page is in a sandboxed frame.

/** @param {unknown} result */
function succeed(result) {
  /** @type {{onsuccess?: (event: object) => void}} */
  const request = {};
  queueMicrotask(() => request.onsuccess?.({ target: { result } }));
  return request;
}

function memoryDatabase() {
  const entries = new Map();
  const store = {
    count: () => succeed(entries.size),
    get: (/** @type {string} */ key) => succeed(entries.get(key)),
    getKey: (/** @type {string} */ key) => succeed(entries.has(key) ? key : undefined),
    getAllKeys: () => succeed([...entries.keys()]),
    put: (/** @type {unknown} */ value, /** @type {string} */ key) => succeed(void entries.set(key, value)),
    delete: (/** @type {string} */ key) => succeed(void entries.delete(key)),
    clear: () => succeed(entries.clear()),
  };
  return { transaction: () => ({ objectStore: () => store }), close() {} };
}

/** PyScript opens an IndexedDB database, and Python does not start if that fails. Where it is blocked, use one in memory. */
export async function replaceBlockedDatabase() {
  try {
    await indexedDB.databases();
  } catch {
    Object.defineProperty(globalThis, "indexedDB", { value: { open: () => succeed(memoryDatabase()) } });
  }
}

/** PyScript starts a module worker from a blob, which Chromium 156 refuses in a sandboxed frame; a data: URL works there. */
export function replaceBlockedWorker() {
  if (self.origin !== "null") return;
  globalThis.Worker = class extends Worker {
    /** @param {string|URL} url @param {WorkerOptions} [options] */
    constructor(url, options) {
      const request = new XMLHttpRequest();
      request.open("GET", url, false); // a blob is in memory: this does not wait
      request.send();
      super(`data:text/javascript,${encodeURIComponent(request.responseText)}`, options);
    }
  };
}
