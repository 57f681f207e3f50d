// The lab without a network: keeps one whole version of the site, and serves the page from it. build.py writes the
// version and the SHA-256 of each file into SITE.
//
// A version is served whole or not at all. A new one is fetched in the background, and each file must have its hash, so a
// site that is replaced meanwhile is not kept half. It waits until the visitor asks for it, or no page of the old one is open.

/**
 * `files` are fetched at once; `later` (NumPy, the data sets) are kept when first used. By path: "sha256-…", or "" for a
 * file that may differ in its build time alone.
 * @typedef {{version: string, files: Record<string, string>, later: Record<string, string>}} Site
 */

const worker = /** @type {any} */ (globalThis); // a ServiceWorkerGlobalScope, which the DOM's types do not have
const SITE = /** @type {Site} */ (worker.SITE); // replaced by build.py
const SCOPE = /** @type {string} */ (worker.registration.scope);
const OURS = `pygpt-lab ${SCOPE} `; // another lab can be at another path of the origin
const CACHE = OURS + SITE.version;

/** Fetches a file of this version, past the browser's cache. Fails unless it is the very file.
 * @param {string} name @param {string} integrity */
async function fetchWhole(name, integrity) {
  const response = await fetch(new URL(name, SCOPE), { cache: "no-cache", integrity });
  if (!response.ok) throw new Error(`${response.url}: the server answered ${response.status}`);
  return response;
}

async function install() {
  const cache = await caches.open(CACHE);
  try {
    const known = (await caches.keys()).filter((name) => name.startsWith(OURS) && name !== CACHE);
    for (const name of Object.keys(SITE.later)) { // what was used before is needed by the next version too
      const used = await Promise.all(known.map(async (old) => (await caches.open(old)).match(new URL(name, SCOPE))));
      if (used.some(Boolean)) await cache.put(new URL(name, SCOPE), await fetchWhole(name, SITE.later[name] ?? ""));
    }
    await Promise.all(Object.entries(SITE.files).map(async ([name, integrity]) => {
      await cache.put(new URL(name, SCOPE), await fetchWhole(name, integrity));
    }));
  } catch (error) {
    await caches.delete(CACHE); // the version before stays, and the browser tries again at the next visit
    throw error;
  }
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(OURS) && name !== CACHE) await caches.delete(name);
  }
  await worker.clients.claim(); // of the first visit: what it uses from now on is kept too
}

/** @param {Request} request @param {string} name */
async function answer(request, name) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(new URL(name, SCOPE));
  if (kept) return kept;
  if (name in SITE.later) {
    const response = await fetchWhole(name, SITE.later[name] ?? "").catch(() => null);
    if (!response) return fetch(request); // the site has another version by now: not kept
    // A full disk keeps nothing more; the page has its file.
    await cache.put(new URL(name, SCOPE), response.clone()).catch((/** @type {unknown} */ error) => console.warn(error));
    return response;
  }
  // Files were removed from the cache by hand: what is left is no version.
  await worker.registration.unregister();
  return fetch(request);
}

worker.addEventListener("install", (/** @type {any} */ event) => event.waitUntil(install()));
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(activate()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || !address.href.startsWith(SCOPE)) return;
  const path = address.href.slice(SCOPE.length).replace(/[?#].*/, "");
  const name = path === "" || path === "index.html" ? "./" : path;
  if (name in SITE.files || name in SITE.later) event.respondWith(answer(event.request, name));
});
// The page asks for the version that waits. Another page is of the old one and would get the files of both.
worker.addEventListener("message", (/** @type {any} */ event) => event.waitUntil((async () => {
  const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (pages.length > 1) event.source.postMessage("other pages");
  else await worker.skipWaiting();
})()));
