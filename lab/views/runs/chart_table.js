// The numbers behind a chart, as a table.

import { element, setText, show } from "../../ui/dom.js";
import { NONE, count, number } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { lineName } from "./lines.js";

const { comparison: words } = labels;
const ROWS = 50; // of the points that are drawn; a run's export has all

/** @param {(value: number) => string} write */
export function chartTable(write) {
  const caption = element("caption", {});
  const head = element("thead", {});
  const body = element("tbody", {});
  const place = element("div", { class: "scrolling", tabindex: "0", role: "region", "aria-label": words.table, hidden: true },
    element("table", { class: "results chart-table" }, caption, head, body));
  const button = element("button", { class: "text-button", "aria-expanded": "false", onclick() {
    open = !open;
    button.setAttribute("aria-expanded", String(open));
    setText(button, open ? words.hideTable : words.showTable);
    fill();
  } }, words.showTable);
  let open = false;
  /** @type {import("./lines.js").Shown|null} */
  let shown = null;

  function fill() {
    show(place, open && shown !== null);
    if (!open || !shown) return;
    const { at, columns, lines, axes } = shown;
    const rows = Math.min(ROWS, at.length);
    const chosen = [...new Set(Array.from({ length: rows }, (_, row) => (rows > 1 ? Math.round((row * (at.length - 1)) / (rows - 1)) : 0)))];
    setText(caption, chosen.length < at.length ? words.someRows(count(chosen.length), count(at.length)) : "");
    head.replaceChildren(element("tr", {}, element("th", { scope: "col" }, words.across[axes.across]),
      ...lines.map((line) => element("th", { scope: "col", dir: "auto" }, lineName(line)))));
    body.replaceChildren(...chosen.map((index) => {
      const x = at[index] ?? 0;
      return element("tr", {}, element("th", { scope: "row" }, axes.across === "seconds" ? number(x) : count(Math.round(x))),
        ...columns.map((column) => element("td", {}, typeof column[index] === "number" ? write(Number(column[index])) : NONE)));
    }));
  }

  return {
    dom: element("div", { class: "behind" }, button, place),
    /** @param {import("./lines.js").Shown} next */
    sync(next) {
      shown = next;
      fill();
    },
  };
}
