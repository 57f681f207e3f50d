// The profile of a training step: a table of its kernels, and a trace to download.

import { element, setAttribute, setText, show } from "../../ui/dom.js";
import { NONE, count, number, percent } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */
/** @typedef {import("../../transport/messages.js").ProfileFacts} ProfileFacts */

const { profile: words } = labels;

/** @param {Controller} controller */
export function profileView(controller) {
  /** @type {ProfileFacts|null} */
  let shown = null;
  const open = element("button", { id: "profile", class: "button small", onclick: begin }, words.title);
  const where = element("p", { class: "hint", role: "status", id: "profile-where" });
  const rows = element("tbody", { id: "profile-rows", translate: "no" });
  const trace = element("a", {
    id: "profile-trace", class: "button small", download: "profile.json", hidden: true,
    title: words.traceTitle,
  }, words.trace);
  const again = element("button", { type: "button", class: "button small", onclick: begin }, words.again);
  const dialog = element("dialog", { class: "question measuring", "aria-label": words.title },
    element("h2", {}, words.title), where,
    element("div", { class: "scrolling" }, element("table", { class: "results" },
      element("thead", {}, element("tr", {}, ...words.columns.map((title) => element("th", { scope: "col" }, title)))), rows)),
    element("form", { method: "dialog" }, element("div", { class: "buttons" },
      element("button", { type: "submit", class: "button small primary", id: "profile-close" }, words.close), trace, again)));

  function begin() {
    controller.dispatch({ type: "profiling" });
    controller.send({ type: "profile" });
    if (!dialog.open) dialog.showModal();
  }

  document.body.append(dialog); // not inside the panel of the button, which closes when a dialog opens
  return {
    dom: open,
    /** @param {State} state */
    sync({ profile, phase }) {
      const idle = phase !== "running";
      if (open.disabled !== idle) open.disabled = idle;
      if (again.disabled !== idle) again.disabled = idle;
      open.title = idle ? words.trainFirst : words.about;
      if (!profile) return;
      const { running, found } = profile;
      if (!found) setText(where, running ? words.running : words.none);
      show(trace, found !== null);
      if (found === shown) return;
      shown = found;
      rows.replaceChildren(...(found?.rows ?? []).map(row));
      URL.revokeObjectURL(trace.href);
      if (!found) return;
      setAttribute(trace, "href", URL.createObjectURL(new Blob([found.trace], { type: "application/json" })));
      setText(where, words.result(count(found.launches), number(found.ms), found.device, found.steps, number(found.gflops),
        number(found.gigabytes), found.rows.some(({ of_peak }) => of_peak > 1)));
    },
  };
}

/** @param {import("../../transport/messages.js").ProfileRow} found */
function row({ kernel, calls, ms, share, gflops, of_peak }) {
  // A browser's clock may have a resolution of 0.1 ms only: a rate from less than one tick is meaningless.
  const rates = ms < 0.02 ? [NONE, NONE] : [number(gflops), percent(of_peak)];
  const cells = [count(calls), number(ms), percent(share), ...rates];
  return element("tr", {}, element("th", { scope: "row" }, kernel), ...cells.map((text) => element("td", {}, text)));
}
