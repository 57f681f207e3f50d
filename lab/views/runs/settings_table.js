// The settings of the runs that are compared: only what differs, unless all are asked for.

import { settingsOf } from "../../state/comparison.js";
import { element, show } from "../../ui/dom.js";
import { NONE, fieldName } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { colourNumber } from "./lines.js";

/** @typedef {import("./lines.js").Compared} Compared */

const { comparison: words } = labels;

export function settingsTable() {
  const all = element("input", { type: "checkbox", id: "all-settings", onchange: () => draw() });
  const table = element("table", { class: "results settings-table" });
  const same = element("p", { class: "hint" }, words.same);
  const dom = element("div", {}, element("div", { class: "comparison-top" }, element("h3", {}, words.differences),
    element("label", { class: "axis-choice" }, all, words.everything)), same, element("div", { class: "scrolling" }, table));
  /** @type {Compared[]} */
  let shown = [];

  function draw() {
    const rows = settingsOf(shown.map(({ read }) => read), all.checked);
    show(same, rows.length === 0 && shown.length > 1);
    table.replaceChildren(...(rows.length ? [
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, words.setting),
        ...shown.map(({ name, place }) => element("th", { scope: "col", "data-colour": colourNumber(place), class: "coloured", dir: "auto" }, name)))),
      element("tbody", {}, ...rows.map(({ field, values, same: equal }) => element("tr", { class: equal ? "equal" : null },
        element("th", { scope: "row" }, words.otherSettings[field] ?? fieldName(field)), ...values.map((value) => element("td", { dir: "auto" }, String(value) || NONE))))),
    ] : []));
  }

  return {
    dom,
    /** @param {Compared[]} next */
    sync(next) {
      shown = next;
      draw();
    },
  };
}
