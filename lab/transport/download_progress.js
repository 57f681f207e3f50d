// How far the download has come. The worker fetches Python itself and cannot tell; so the page requests the large files too,
// at the same moment, and counts. The browser's cache makes that one download (measured in Chromium 156: the worker's request is
// answered 304; only a private window, whose cache takes no file of 10 MB, fetches the largest twice).

import { labels } from "../ui/labels.js";

const LARGE = ["./pyodide/pyodide.asm.wasm", "./pyodide/python_stdlib.zip"];

/**
 * @param {(stage: string, fraction: number|null) => void} report
 * @returns {() => void}  call it once Python runs
 */
export function watchDownloads(report) {
  const stop = new AbortController();
  const progress = LARGE.map(() => ({ received: 0, total: 0 }));
  let reported = 0;

  function update() {
    const now = performance.now();
    if (stop.signal.aborted || now - reported < 60) return;
    reported = now;
    if (progress.some(({ total }) => total === 0)) return;
    const received = progress.reduce((sum, part) => sum + part.received, 0);
    const total = progress.reduce((sum, part) => sum + part.total, 0);
    // A compressed transfer announces fewer bytes than arrive: the bar then waits at its end.
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
      // Only a progress bar depends on this; a real failure is reported by the worker.
    }
  });
  report(labels.loading.fetchingPython, null);
  return () => {
    stop.abort();
    report(labels.loading.startingPygpt, 0.9);
  };
}
