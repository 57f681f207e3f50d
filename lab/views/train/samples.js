// Samples that the model writes during training, newest first.

import { element, setText, show } from "../../ui/dom.js";
import { count, percent } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {State["samples"][number]} Sample */

/** @param {import("../../state/state.js").Controller} controller */
export function samplesView(controller) {
  const list = element("ol", { class: "samples", id: "samples", tabindex: "0", "aria-label": labels.samples.list });
  const empty = element("p", { class: "hint" }, labels.samples.empty);
  /** @type {Sample|undefined} */
  let newest;
  return {
    dom: element("div", {}, element("div", { class: "heading" }, element("h2", { id: "samples-title" }, labels.samples.title),
      element("button", { class: "text-button", onclick: () => controller.go("write") }, labels.samples.more)), empty, list),
    /** @param {State} state */
    sync({ samples }) {
      show(empty, samples.length === 0);
      show(list, samples.length > 0);
      if (samples[0] === newest) return;
      const known = newest ? samples.indexOf(newest) : -1;
      if (known < 0) list.replaceChildren(...samples.map(item));
      else list.prepend(...samples.slice(0, known).map(item));
      while (list.childElementCount > samples.length) list.lastElementChild?.remove();
      newest = samples[0];
    },
  };
}

/** @param {Sample} sample */
function item(sample) {
  const text = element("p", { class: "prose", dir: "auto", translate: "no" });
  setText(text, sample.text.trim() ? sample.text.replace(/^\n+/, "") : labels.samples.blank);
  const step = labels.samples.step(count(sample.step));
  const heading = element("h3", {}, step);
  if (typeof sample.realWords === "number") {
    heading.append(element("span", { class: "real", title: labels.samples.realTitle }, labels.samples.real(percent(sample.realWords))));
  }
  return element("li", {}, heading, text);
}
