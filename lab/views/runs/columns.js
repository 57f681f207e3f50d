// The choice of the columns of the table, which the browser remembers, and the table on the clipboard.

import { FIRST_COLUMNS, RESULT_NAMES, columnOf, csv, markdown } from "../../state/run_columns.js";
import { download, element, setText } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";
import { recall, remember } from "../../ui/preferences.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Run} Run */
/** @typedef {import("../../state/run_columns.js").Column} Column */

const { columns: words } = labels;
const PREFERENCE = "run-columns";
const SAID = 2000; // milliseconds for which a button says that it has copied

/**
 * @param {import("../../state/state.js").Controller} controller
 * @param {() => void} changed  called when other columns are chosen
 * @param {() => Run[]} listed  the runs in the table, in its order
 */
export function columnsView(controller, changed, listed) {
  let chosen = recall(PREFERENCE)?.split(" ").filter(Boolean) ?? FIRST_COLUMNS;
  /** @type {State["runSettings"]} */
  let settings = {};
  let asked = 0; // runs that there were when the settings were asked for
  const [results, fields] = [element("div", { class: "column-list" }), element("div", { class: "column-list" })];
  const choice = element("details", { class: "columns", ontoggle: () => ask() }, element("summary", {}, words.title),
    element("fieldset", {}, element("legend", {}, words.results), results), element("fieldset", {}, element("legend", {}, words.settings), fields));
  results.append(...RESULT_NAMES.map(box));
  /** @type {Run[]} */
  let runs = [];

  /** @param {string} name */
  function box(name) {
    const input = element("input", { type: "checkbox", checked: chosen.includes(name), onchange() {
      chosen = input.checked ? [...chosen, name] : chosen.filter((other) => other !== name);
      remember(PREFERENCE, chosen.join(" "));
      ask();
      changed();
    } });
    return element("label", { class: "axis-choice" }, input, columnOf(name, {}).title);
  }

  /** Asks for the settings of the runs if a column needs them, and not all are here. */
  function ask() {
    if (!chosen.some((name) => name.includes(".")) || asked === runs.length || runs.every(({ copy }) => copy in settings)) return;
    asked = runs.length;
    controller.send({ type: "list_settings" });
  }

  /** @param {string} text @param {string} file @param {(runs: Run[], columns: Column[]) => string} write */
  function copier(text, file, write) {
    const button = element("button", { class: "text-button", async onclick() {
      const table = write(listed(), columns());
      try {
        await navigator.clipboard.writeText(table);
        setText(button, labels.files.copied);
        setTimeout(() => setText(button, text), SAID);
      } catch { // without access to the clipboard
        download(file, new TextEncoder().encode(table));
      }
    } }, text);
    return button;
  }

  function columns() {
    return ["name", ...chosen].map((name) => columnOf(name, settings));
  }

  return {
    dom: element("div", { class: "table-tools" }, choice, copier(words.copyMarkdown, "runs.md", markdown), copier(words.copyCsv, "runs.csv", csv)),
    columns,
    /** Returns whether the table has to be drawn again.
     * @param {State} state */
    sync(state) {
      if (state.about && !fields.children.length) fields.append(...state.about.fields.map(({ field }) => field).filter((field) => field.includes(".") && field !== "data.source").map(box));
      runs = state.runs;
      ask();
      if (state.runSettings === settings) return false;
      settings = state.runSettings;
      return true;
    },
  };
}
