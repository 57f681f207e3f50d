// Where a training step's time goes: a table of its kernels, and a trace to take along.

import { element, setAttribute, setText, show } from "../../ui/dom.js";
import { count, short } from "../../ui/format.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../app.js").Lab} Lab */
/** @typedef {import("../../transport/protocol.js").Profile} Profile */

const COLUMNS = ["Kernel", "Calls", "ms a step", "Share", "GFLOP/s", "Of the peak"];

/** @param {Lab} lab */
export function profileView(lab) {
  /** @type {Profile|null} */
  let shown = null;
  const open = element("button", { id: "profile", class: "button small", onclick: begin }, "Profile");
  const where = element("p", { class: "hint", role: "status", id: "profile-where" });
  const rows = element("tbody", { id: "profile-rows" });
  const trace = element("a", {
    id: "profile-trace", class: "button small", download: "profile.json", hidden: true,
    title: "The last step, launch by launch: a file that https://ui.perfetto.dev shows",
  }, "Download trace");
  const again = element("button", { type: "button", class: "button small", onclick: begin }, "Profile again");
  const dialog = element("dialog", { class: "question measuring", "aria-label": "Profile" },
    element("h2", {}, "Profile"), where,
    element("div", { class: "scrolling" }, element("table", { class: "results" },
      element("thead", {}, element("tr", {}, ...COLUMNS.map((title) => element("th", { scope: "col" }, title)))), rows)),
    element("form", { method: "dialog" }, element("div", { class: "buttons" },
      element("button", { type: "submit", class: "button small primary", id: "profile-close" }, "Close"), trace, again)));

  function begin() {
    lab.dispatch({ type: "profiling" });
    lab.send({ type: "profile" });
    if (!dialog.open) dialog.showModal();
  }

  return {
    dom: element("div", { class: "own" }, open, dialog),
    /** @param {State} state */
    sync({ profile, phase }) {
      const idle = phase !== "running";
      if (open.disabled !== idle) open.disabled = idle;
      if (again.disabled !== idle) again.disabled = idle;
      open.title = idle ? "Press Train first: a profile is of the run under way." : "Where the time of a training step goes.";
      if (!profile) return;
      const { running, found } = profile;
      if (!found) setText(where, running ? "Timing each launch of the next steps…" : "There was no step left to look at.");
      show(trace, found !== null);
      if (found === shown) return;
      shown = found;
      rows.replaceChildren(...(found?.rows ?? []).map(row));
      URL.revokeObjectURL(trace.href);
      if (!found) return;
      setAttribute(trace, "href", URL.createObjectURL(new Blob([found.trace], { type: "application/json" })));
      setText(where, `A step of ${count(found.launches)} launches takes ${number(found.ms)} ms on ${found.device} (the mean of `
        + `${found.steps}). It reached ${number(found.gflops)} GFLOP/s in a product and ${number(found.gigabytes)} GB/s in an addition.`);
    },
  };
}

/** @param {import("../../transport/protocol.js").ProfileRow} found */
function row({ kernel, calls, ms, share, gflops, of_peak }) {
  // Clocks in a browser tick in steps of up to 0.1 ms: a rate made of less than a tick says nothing.
  const rates = ms < 0.02 ? ["–", "–"] : [number(gflops), `${Math.round(100 * of_peak)} %`];
  const cells = [count(calls), number(ms), `${Math.round(100 * share)} %`, ...rates];
  return element("tr", {}, element("th", { scope: "row" }, kernel), ...cells.map((text) => element("td", {}, text)));
}

/** @param {number} value */
function number(value) {
  return value >= 100 ? short(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
