// The lab without a network: starts service_worker.js, says when a new version is ready, and has it keep what is used.

/** @typedef {"none"|"ready"|"others"} NewVersion  whether a new version waits; "others": for the lab's other tabs to close */

/**
 * Whether a site is kept for visits without a network. One that this computer serves is not: it needs none, and while the
 * lab is developed, pages must not be old. Nor is one that trains on its server.
 * @param {string} host @param {{machine?: boolean}} site  the contents of site.json
 */
export function isKept(host, site) {
  return !/^(localhost|127\..*|\[::1\])$/.test(host) && !site.machine;
}

/**
 * Keeps the site for visits without a network, where the browser can.
 * @param {(state: NewVersion) => void} report
 * @returns {{use: (text: string, device: string) => void, takeNew: () => void}}  `use` keeps the files of a data set and of a
 *   device, too; `takeNew` changes to the new version and reloads the page
 */
export function keepOffline(report) {
  /** @type {ServiceWorkerRegistration|undefined} */
  let registration;
  /** @type {{machine?: boolean, numpy?: string|null, data?: Record<string, {file: string}>}} */
  let site = {};
  const used = new Set();
  const wanted = { text: "", device: "" };
  let asked = false;

  const container = findContainer();
  if (container) start(container).catch((error) => console.info("The lab is not kept for visits without a network:", error));

  /** @param {ServiceWorkerContainer} container */
  async function start(container) {
    site = await (await fetch("./site.json")).json();
    if (!isKept(location.hostname, site)) return;
    container.addEventListener("controllerchange", () => (asked ? location.reload() : keep()));
    container.addEventListener("message", ({ data }) => {
      if (data === "other pages") report("others");
    });
    registration = await container.register("./service_worker.js");
    look();
    registration.addEventListener("updatefound", () => registration?.installing?.addEventListener("statechange", look));
    registration.installing?.addEventListener("statechange", look);
    keep();
  }

  function look() {
    if (registration?.waiting && navigator.serviceWorker.controller) report("ready");
  }

  // The worker, which Python runs in, is not controlled during the first visit: the page fetches the file again, mostly
  // from the browser's cache, and the service worker sees it.
  function keep() {
    if (!registration || !navigator.serviceWorker.controller) return;
    const files = [site.data?.[wanted.text]?.file, wanted.device === "numpy" && site.numpy && `wheels/${site.numpy}`];
    for (const file of files) {
      if (!file || used.has(file)) continue;
      used.add(file);
      fetch(`./${file}`).catch(() => used.delete(file)); // without a network; at the next change again
    }
  }

  return {
    use(text, device) {
      if (text === wanted.text && device === wanted.device) return;
      Object.assign(wanted, { text, device });
      keep();
    },
    takeNew() {
      asked = true;
      registration?.waiting?.postMessage("take over");
    },
  };
}

function findContainer() {
  try {
    return navigator.serviceWorker; // undefined without a secure address and in some private windows
  } catch {
    return undefined; // a SecurityError: a sandboxed frame
  }
}
