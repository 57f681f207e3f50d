// Behind the "…" of the header: the device and its measurements, the storage, the version.

import { element, setAttribute, setText, show } from "../ui/dom.js";
import { size } from "../ui/format.js";
import { labels } from "../ui/labels.js";

const { more: words } = labels;

/** @param {HTMLElement[]} measuring  the choice of the device, the benchmark, the profile */
export function moreView([device, ...measurements]) {
  const stored = element("p", { class: "facts", id: "stored" });
  const promise = element("p", { class: "hint" });
  const version = element("p", { class: "facts", id: "version", translate: "no" });
  const panel = element("div", { id: "more-panel", class: "more-panel", popover: "auto", "aria-label": words.title, role: "dialog" },
    element("h2", {}, labels.device.title), /** @type {HTMLElement} */ (device), element("div", { class: "buttons" }, ...measurements),
    element("h2", {}, words.storage), stored, promise,
    element("h2", {}, words.about), version);
  const button = element("button", { id: "more", class: "button small", popovertarget: "more-panel", "aria-label": words.title, title: words.title }, "…");
  return {
    dom: element("div", {}, button, panel),
    /** @param {import("../state/state.js").State} state */
    sync({ about, runs, persistent }) {
      show(button, about !== null);
      setAttribute(button, "aria-haspopup", "dialog");
      const bytes = runs.reduce((sum, run) => sum + run.bytes, 0);
      setText(stored, runs.length ? words.stored(labels.runs.summary(runs.length, size(bytes))) : words.storedNothing);
      setText(promise, persistent === null || !runs.length ? "" : persistent ? words.persistent : labels.runs.notPersistent);
      if (about) setText(version, words.version(about.version, about.python));
    },
  };
}
