// The runs that are kept, in a table: star, rename, open, delete. The run on the screen shows its latest figures.

import { isComposing, element, errorPlace, setAttribute, setText, show, showError } from "../../ui/dom.js";
import { NONE, ago, count, fieldName, loss, short, size, textName } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { MOST_COMPARED, compareView } from "./compare.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Run} Run */

const { runs: words } = labels;
const CHANGES_SHOWN = 3; // differences from the parent; the title has them all

/** The columns that can be sorted by: the value of a run, and whether the largest comes first.
 * @type {[name: keyof typeof words.columns, value: (run: Run) => string|number, descending: boolean][]} */
const COLUMNS = [
  ["name", (run) => run.name.toLowerCase(), false],
  ["text", (run) => run.text.toLowerCase(), false],
  ["steps", (run) => run.step, true],
  ["loss", (run) => run.val_loss ?? run.loss ?? Infinity, false],
  ["parameters", (run) => run.parameters, true],
  ["size", (run) => run.bytes, true],
  ["kept", (run) => run.kept_at, true],
];

/** @param {import("../../state/state.js").Controller} controller */
export function runsView(controller) {
  const summary = element("p", { id: "runs-summary", class: "hint" });
  const persistence = element("p", { id: "persistence", class: "hint", hidden: true });
  const mistake = errorPlace("runs-mistake");
  const undoWords = element("span", {});
  const undo = element("div", { id: "undo-delete", class: "notice kept", role: "status", hidden: true }, undoWords,
    element("button", { class: "button small", onclick: () => deleted && controller.send({ type: "restore_run", copy: deleted.copy }) }, words.undo));
  const search = element("input", { id: "runs-search", type: "search", placeholder: words.search, "aria-label": words.search, oninput: () => draw() });
  const headings = COLUMNS.map(([name]) => element("button", { class: "text-button", onclick: () => sortBy(name) }, words.columns[name]));
  const body = element("tbody", {});
  const table = element("table", { class: "results runs", "aria-label": labels.places.runs },
    element("thead", {}, element("tr", {}, element("th", { class: "unseen-head" }, words.columns.star),
      ...headings.map((button) => element("th", { scope: "col" }, button)), element("th", {}, ""))), body);
  const comparison = compareView(controller);
  const empty = element("p", { id: "no-runs", class: "hint" }, words.none);
  const [order, descending] = [{ by: "kept" }, { is: true }];
  /** @type {Run[]} */
  let known = [];
  /** @type {State["run"]} */
  let live = null;
  /** @type {Run|null} */
  let deleted = null;
  let asked = false; // whether the browser was asked to keep the runs
  /** @type {string[]} */
  let compared = [];
  let editing = ""; // the folder of the run that is being renamed
  let listed = false;

  /** @param {string} name */
  function sortBy(name) {
    const first = COLUMNS.find(([column]) => column === name)?.[2] ?? false;
    descending.is = order.by === name ? !descending.is : first;
    order.by = name;
    draw();
  }

  /** @param {Run} run @param {string} name @param {string} notes */
  function describe(run, name, notes) {
    editing = "";
    controller.send({ type: "describe_run", copy: run.copy, name, notes });
  }

  /** @param {Run} run */
  function form(run) {
    const name = element("input", { class: "run-name", value: run.name, "aria-label": words.name, maxlength: 80 });
    const notes = element("input", { value: run.notes, "aria-label": words.notes, placeholder: words.notes });
    const cancel = () => {
      editing = "";
      draw();
      focus(run.copy, "rename");
    };
    return element("form", {
      class: "rename",
      onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        if (name.value.trim()) describe(run, name.value, notes.value);
      },
      onkeydown(/** @type {KeyboardEvent} */ event) {
        if (event.key === "Escape" && !isComposing(event)) cancel();
      },
    }, name, notes, element("button", { class: "button small primary" }, words.save),
      element("button", { class: "button small", type: "button", onclick: cancel }, words.cancel));
  }

  /** @param {Run} run */
  function remove(run) {
    controller.dispatch({ type: "deleting", run });
    controller.send({ type: "delete_run", copy: run.copy });
  }

  /** Asks the browser not to delete the runs when it needs room. A page of `pygpt serve` keeps them on a disk. */
  async function askToPersist() {
    asked = true;
    controller.dispatch({ type: "persisted", persistent: (await navigator.storage?.persist?.()) ?? false });
  }

  /** @param {string} copy @param {string} action */
  function focus(copy, action) {
    /** @type {HTMLElement|null} */ (body.querySelector(`[data-copy="${CSS.escape(copy)}"] [data-action="${action}"]`))?.focus();
  }

  /** @param {Run} run */
  function row(run) {
    const here = run.open === "here";
    const action = (/** @type {string} */ name, /** @type {string} */ title, /** @type {() => void} */ onclick, disabled = false) => element("button", {
      class: "text-button", "data-action": name, "aria-label": title, onclick, disabled,
    }, words.actions[/** @type {"open"} */ (name)]);
    const place = compared.indexOf(run.copy);
    const full = place < 0 && compared.length >= MOST_COMPARED;
    const check = element("input", {
      type: "checkbox", "aria-label": words.compare(run.name), checked: place >= 0, disabled: full, title: full ? words.most(MOST_COMPARED) : null,
      "data-action": "compare",
      onchange: () => controller.dispatch({ type: "compare", copies: place < 0 ? [...compared, run.copy] : compared.filter((copy) => copy !== run.copy) }),
    });
    const star = element("button", {
      class: "star", "aria-pressed": run.star ? "true" : "false", "aria-label": words.star(run.name),
      onclick: () => controller.send({ type: "describe_run", copy: run.copy, star: !run.star }),
    }, run.star ? "★" : "☆");
    const shown = here && live && live.id === run.id ? live : null;
    const figures = shown ? { step: shown.step, steps: shown.experiment.train["steps"] } : run;
    const best = shown?.metrics["val_loss"] ?? run.val_loss;
    const changes = run.differs.map(({ field, before, after }) => words.change(fieldName(field), String(before), String(after)));
    return element("tr", { "data-copy": run.copy, class: here ? "here" : "" },
      element("td", { class: "marks", "data-colour": place < 0 ? null : place }, check, star),
      element("th", { scope: "row" }, editing === run.copy ? form(run) : element("span", { class: "run-title", dir: "auto" }, run.name),
        changes.length > 0 && element("span", { class: "differs", title: changes.join("\n") },
          words.changes(changes.slice(0, CHANGES_SHOWN), changes.length - CHANGES_SHOWN)),
        run.notes !== "" && editing !== run.copy && element("span", { class: "differs", dir: "auto" }, run.notes)),
      element("td", { dir: "auto", "data-name": words.columns.text }, textName(run.text) || NONE),
      element("td", { "data-name": words.columns.steps }, words.steps(count(figures.step), count(Number(figures.steps)))),
      element("td", { "data-name": words.columns.loss }, loss(best ?? run.loss ?? NaN)),
      element("td", { "data-name": words.columns.parameters }, run.parameters ? short(run.parameters) : NONE),
      element("td", { "data-name": words.columns.size }, run.bytes ? size(run.bytes) : NONE),
      element("td", { "data-name": words.columns.kept }, ago((Date.now() - run.kept_at) / 1000)),
      element("td", { class: "row-actions" },
        here ? element("span", { class: "open-here" }, words.openHere) : run.open ? element("span", { class: "open-here" }, words.openElsewhere)
          : action("open", words.openTitle(run.name), () => controller.openKept(run.copy)),
        action("rename", words.renameTitle(run.name), () => {
          editing = run.copy;
          draw();
          /** @type {HTMLInputElement|null} */ (body.querySelector(".run-name"))?.select();
        }),
        action("delete", words.deleteTitle(run.name), () => remove(run), run.open !== "")));
  }

  function draw() {
    const asked = search.value.trim().toLowerCase();
    const value = COLUMNS.find(([name]) => name === order.by)?.[1] ?? (() => 0);
    const matching = known.filter((run) => !asked || [run.name, run.text, run.notes, run.preset].some((part) => part.toLowerCase().includes(asked)));
    matching.sort((one, other) => {
      const [left, right] = [value(one), value(other)];
      const ascending = left < right ? -1 : left > right ? 1 : 0;
      return Number(other.star) - Number(one.star) || (descending.is ? -ascending : ascending);
    });
    body.replaceChildren(...matching.map(row));
    for (const [index, [name]] of COLUMNS.entries()) {
      setAttribute(/** @type {Element} */ (headings[index]?.parentElement), "aria-sort", name === order.by ? (descending.is ? "descending" : "ascending") : null);
    }
    show(table, known.length > 0);
    show(search, known.length > 5 || asked !== "");
    show(empty, known.length === 0);
  }

  return {
    dom: element("div", { class: "runs-page" }, element("div", { class: "runs-top" }, element("h2", {}, labels.places.runs), summary, search),
      persistence, mistake, undo, comparison.dom, empty, element("div", { class: "scrolling" }, table)),
    /** @param {State} state */
    sync(state) {
      comparison.sync(state);
      const { runs, errors, place, run, persistent } = state;
      deleted = state.deleted;
      if (!asked && run && run.kept_step > 0 && !state.about?.machine) askToPersist();
      showError(mistake, errors["runs"]);
      setText(undoWords, deleted ? words.deleted(deleted.name) : "");
      show(undo, deleted !== null);
      setText(persistence, persistent === false ? words.notPersistent : "");
      show(persistence, persistent === false && runs.length > 0);
      if (place !== "runs") {
        listed = false;
        return;
      }
      const entered = !listed;
      listed = true;
      if (entered) controller.send({ type: "list_runs" });
      if (!entered && runs === known && state.compared === compared && (run === live || editing !== "" || body.contains(document.activeElement))) return;
      const focused = /** @type {HTMLElement|null} */ (document.activeElement);
      const [copy, action] = [focused?.closest("tr")?.dataset["copy"], focused?.dataset["action"]];
      [known, live, compared] = [runs, run, state.compared];
      setText(summary, words.summary(runs.length, size(runs.reduce((sum, { bytes }) => sum + bytes, 0))));
      if (editing === "" || !known.some((one) => one.copy === editing)) draw();
      if (copy && action && !body.contains(document.activeElement)) focus(copy, action);
    },
  };
}
