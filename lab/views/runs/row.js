// A row of the table of runs.

import { element, isComposing, setAttribute } from "../../ui/dom.js";
import { count, fieldName, presetName } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { colourNumber } from "./lines.js";

/** @typedef {import("../../state/state.js").Run} Run */

const { runs: words } = labels;
const CHANGES_SHOWN = 3; // differences from the parent; the title has them all

/**
 * What a row shows beside its run.
 * @typedef {object} Shown
 * @property {import("../../state/run_columns.js").Column[]} columns  after its name
 * @property {string} parent  the name of the run that it was changed from, or ""
 * @property {boolean} editing  whether its name and notes are being changed
 */

/**
 * What a row can do.
 * @typedef {object} Acts
 * @property {() => void} open
 * @property {() => void} compare  or compare no longer
 * @property {() => void} star  or star no longer
 * @property {(editing: boolean) => void} edit
 * @property {(changes: {name?: string, notes?: string}) => void} describe
 * @property {() => void} export
 * @property {() => void} remove
 */

/** Shows whether a run is compared. The row stays: a new one would cost the layout of the whole table.
 * @param {HTMLElement} dom @param {number} place  among the runs that are compared, or -1
 * @param {string} full  why it cannot be compared, or "" */
export function markRow(dom, place, full) {
  const marks = /** @type {HTMLElement} */ (dom.firstElementChild);
  const check = /** @type {HTMLInputElement} */ (marks.firstElementChild);
  setAttribute(marks, "data-colour", place < 0 ? null : colourNumber(place));
  setAttribute(check, "title", full || null);
  if (check.checked !== place >= 0) check.checked = place >= 0;
  if (check.disabled !== (full !== "")) check.disabled = full !== "";
}

/** @param {Run} run @param {Shown} shown @param {Acts} acts */
export function row(run, { columns, parent, editing }, acts) {
  const here = run.open === "here";
  const check = element("input", {
    type: "checkbox", "aria-label": words.compare(run.name), "data-action": "compare", onchange: acts.compare,
  });
  const star = element("button", {
    class: "star", "aria-pressed": run.star ? "true" : "false", "aria-label": words.star(run.name), "data-action": "star", onclick: acts.star,
  }, run.star ? "★" : "☆");
  const changes = run.differs.map(({ field, before, after }) => words.change(labels.comparison.otherSettings[field] ?? fieldName(field), String(before), String(after)));
  // Those of a run that was changed from no other one are from its preset.
  const compared = (/** @type {string} */ shown) => (run.parent || !(run.preset in labels.model.about) ? shown : words.fromPreset(presetName(run.preset), shown));
  return element("tr", { "data-copy": run.copy, class: here ? "here" : "" },
    element("td", { class: "marks" }, check, star),
    element("th", { scope: "row" }, editing ? form(run, acts) : element("span", { class: "run-title", dir: "auto" }, run.name),
      run.parent_step !== null && element("span", { class: "differs" }, words.branched(parent, count(run.parent_step))),
      changes.length > 0 && element("span", { class: "differs", title: changes.join("\n") },
        compared(words.changes(changes.slice(0, CHANGES_SHOWN), changes.length - CHANGES_SHOWN))),
      run.notes !== "" && !editing && element("span", { class: "differs", dir: "auto" }, run.notes)),
    ...columns.map((column) => element("td", { "data-name": column.title, class: column.words ? "words-cell" : null, dir: "auto" }, column.write(run))),
    element("td", { class: "row-actions" },
      run.open ? element("span", { class: "open-here" }, here ? words.openHere : words.openElsewhere) : action("open", run, acts.open),
      action("export", run, acts.export),
      action("rename", run, () => acts.edit(true)),
      action("delete", run, acts.remove, run.open !== "")));
}

/** @param {"open"|"export"|"rename"|"delete"} name @param {Run} run @param {() => void} onclick @param {boolean} [disabled] */
function action(name, run, onclick, disabled = false) {
  return element("button", {
    class: "text-button", "data-action": name, "aria-label": words.actionTitles[name](run.name), onclick, disabled,
  }, words.actions[name]);
}

/** What a form changes in the run that it was opened with: another tab may have changed the rest since.
 * @param {Pick<Run, "name"|"notes">} run @param {string} name @param {string} notes
 * @returns {{name?: string, notes?: string}} */
export function changesIn(run, name, notes) {
  return { ...(name === run.name ? {} : { name }), ...(notes === run.notes ? {} : { notes }) };
}

/** @param {Run} run @param {Acts} acts */
function form(run, acts) {
  const name = element("input", { class: "run-name", value: run.name, "aria-label": words.name, maxlength: 80, "data-action": "name" });
  const notes = element("input", { value: run.notes, "aria-label": words.notes, placeholder: words.notes, "data-action": "notes" });
  return element("form", {
    class: "rename",
    onsubmit(/** @type {Event} */ event) {
      event.preventDefault();
      if (name.value.trim()) acts.describe(changesIn(run, name.value, notes.value));
    },
    onkeydown(/** @type {KeyboardEvent} */ event) {
      if (event.key === "Escape" && !isComposing(event)) acts.edit(false);
    },
  }, name, notes, element("button", { class: "button small primary" }, words.save),
    element("button", { class: "button small", type: "button", onclick: () => acts.edit(false) }, words.cancel));
}
