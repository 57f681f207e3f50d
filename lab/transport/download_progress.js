// The progress of the download. The worker fetches Python but cannot report progress, so the page requests the large
// files at the same time and counts the bytes. The browser's cache makes this one download (measured in Chromium 156: the
// worker's request gets a 304; only a private window, whose cache takes no file of 10 MB, fetches the largest file twice).

import { labels } from "../ui/labels.js";

const LARGE = ["./pyodide/pyodide.asm.wasm", "./pyodide/python_stdlib.zip"];
const STALLED = 20_000; // milliseconds without progress until `stalled` is called

/**
 * @param {(stage: string, fraction: number|null) => void} report
 * @param {() => void} stalled  called when nothing has moved for STALLED
 * @returns {() => void}  a function to call once Python runs
 */
export function watchDownloads(report, stalled) {
  const stop = new AbortController();
  const progress = LARGE.map(() => ({ received: 0, total: 0 }));
  let reported = 0;
  let moved = setTimeout(stalled, STALLED);

  function update() {
    clearTimeout(moved);
    if (stop.signal.aborted) return;
    moved = setTimeout(stalled, STALLED);
    const now = performance.now();
    if (now - reported < 60) return;
    reported = now;
    if (progress.some(({ total }) => total === 0)) return;
    const received = progress.reduce((sum, part) => sum + part.received, 0);
    const total = progress.reduce((sum, part) => sum + part.total, 0);
    // The content-length of a compressed transfer is smaller than the bytes received: the bar then stops at its end.
    const fraction = Math.min(1, received / total);
    report(fraction < 1 ? labels.loading.fetchingPython : labels.loading.startingPython, 0.85 * fraction);
  }

  LARGE.forEach(async (url, index) => {
    const part = progress[index];
    if (!part) return;
    try {
      const response = await fetch(url, { signal: stop.signal });
      part.total = Number(response.headers.get("content-length"));
      const reader = response.body?.getReader();
      for (;;) {
        const chunk = await reader?.read();
        if (!chunk || chunk.done) break;
        part.received += chunk.value.byteLength;
        update();
      }
    } catch {
      // Only the progress bar depends on this request; the worker reports real failures.
    }
  });
  report(labels.loading.fetchingPython, null);
  return () => {
    stop.abort();
    clearTimeout(moved);
    report(labels.loading.startingPygpt, 0.9);
  };
}
