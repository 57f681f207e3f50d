// The runs that are kept, in a table: star, rename, open, delete. The run on the screen shows its latest figures.

import { MOST_COMPARED } from "../../state/comparison.js";
import { columnOf, sorted } from "../../state/run_columns.js";
import { isKeptNowhere } from "../../state/unsaved.js";
import { element, errorPlace, setText, show, showError } from "../../ui/dom.js";
import { size } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { compareView } from "./compare.js";
import { columnsView } from "./columns.js";
import { askForFormat } from "./export.js";
import { importsView } from "./imports.js";
import { markRow, row } from "./row.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Run} Run */

const { runs: words } = labels;

const PAGE = 40; // rows that are added when the end of the table comes into view

/** @param {import("../../state/state.js").Controller} controller */
export function runsView(controller) {
  const summary = element("p", { id: "runs-summary", class: "hint" });
  const persistence = element("p", { id: "persistence", class: "hint", hidden: true });
  const mistake = errorPlace("runs-mistake");
  const undoWords = element("span", {});
  const undo = element("div", { id: "undo-delete", class: "notice kept", role: "status", hidden: true }, undoWords,
    element("button", { class: "button small", "data-action": "undo", onclick: bringBack }, words.undo));
  const search = element("input", { id: "runs-search", type: "search", placeholder: words.search, "aria-label": words.search, oninput: () => draw() });
  const head = element("thead", {});
  const columns = columnsView(controller, () => draw(), () => order(matching()));
  const body = element("tbody", {});
  const table = element("table", { class: "results runs", "aria-label": labels.places.runs }, head, body);
  const comparison = compareView(controller);
  const imports = importsView(controller);
  body.addEventListener("pointerover", ({ target }) => comparison.light([/** @type {Element} */ (target).closest("tr")?.dataset["copy"] ?? ""]));
  body.addEventListener("pointerleave", () => comparison.light([]));
  const end = element("div", { class: "runs-end", hidden: true });
  const empty = element("p", { id: "no-runs", class: "hint", hidden: true });
  const sorting = { by: "kept", descending: true };
  let headed = ""; // the columns of the head
  /** @type {Run[]} */
  let known = [];
  /** @type {State["run"]} */
  let live = null;
  /** @type {import("../../transport/messages.js").KeptRun|undefined} */
  let deleted;
  let asked = false; // whether the browser was asked to keep the runs
  /** @type {string[]} */
  let compared = [];
  /** @type {State["runSettings"]} */
  let settings = {};
  /** @type {Map<string, {key: string, dom: HTMLElement, editing: boolean}>} */
  const rows = new Map();
  let visible = PAGE;
  let drawn = ""; // the search and the order of the rows
  let leaving = ""; // the run that was just deleted: once it is gone, Undo has the focus
  let wanted = ""; // the run that gets the focus once it is back
  let nowhere = false; // whether runs cannot be kept
  let ready = false; // whether the list has arrived
  /** @type {Set<string>} */
  const edited = new Set(); // the folders of the runs that are being renamed: what is typed in one form outlives another
  let shownList = false;
  let listed = false;

  /** @param {string} name */
  function sortBy(name) {
    sorting.descending = sorting.by === name ? !sorting.descending : (columns.columns().find((column) => column.name === name)?.descending ?? false);
    sorting.by = name;
    draw();
  }

  /** The runs that the search finds. */
  function matching() {
    const asked = search.value.trim().toLowerCase();
    return known.filter((run) => !asked || [run.name, run.text, run.notes, run.preset].some((part) => part.toLowerCase().includes(asked)));
  }

  /** Runs in the order of the table.
   * @param {Run[]} runs */
  function order(runs) {
    return sorted(runs, columnOf(sorting.by, settings), sorting.descending);
  }

  /** The head of the table, with the order. */
  function drawHead() {
    const shown = columns.columns();
    const key = JSON.stringify([shown.map(({ name }) => name), sorting]);
    if (key === headed) return;
    headed = key;
    const focused = /** @type {HTMLElement|null} */ (document.activeElement)?.dataset["sort"];
    head.replaceChildren(element("tr", {}, element("th", { scope: "col", class: "unseen-head" }, words.columns.star),
      ...shown.map(({ name, title, words: left }) => element("th", {
        scope: "col", class: left ? "words-cell" : null, "aria-sort": name === sorting.by ? (sorting.descending ? "descending" : "ascending") : null,
      }, element("button", { class: "text-button", "data-sort": name, onclick: () => sortBy(name) }, title))),
      element("th", { scope: "col", class: "unseen-head" }, words.columns.actions)));
    if (focused) /** @type {HTMLElement|null} */ (head.querySelector(`[data-sort="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {Run} run */
  function remove(run) {
    controller.send({ type: "delete_run", copy: run.copy });
    leaving = run.copy;
  }

  function bringBack() {
    if (!deleted) return;
    controller.send({ type: "restore_run", copy: deleted.copy });
    wanted = deleted.copy;
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

  /** The row of a run; the one before, if nothing in it has changed.
   * @param {Run} run @param {import("../../state/run_columns.js").Column[]} shownColumns */
  function rowOf(run, shownColumns) {
    const place = compared.indexOf(run.copy);
    const dom = madeRow(run, shownColumns);
    markRow(dom, place, place < 0 && compared.length >= MOST_COMPARED ? words.most(MOST_COMPARED) : "");
    return dom;
  }

  /** @param {Run} run @param {import("../../state/run_columns.js").Column[]} shownColumns */
  function madeRow(run, shownColumns) {
    const current = run.open === "here" && live?.id === run.id ? { ...run, ...latest(live, run) } : run;
    const shown = {
      columns: shownColumns,
      parent: run.parent_step === null ? "" : known.find(({ id }) => id === run.parent)?.name ?? "",
      editing: edited.has(run.copy),
    };
    const key = JSON.stringify([{ ...current, seconds_ago: 0, kept_at: 0 }, shown.parent, shown.editing, shownColumns.map((column) => [column.name, column.write(current)])]);
    const before = rows.get(run.copy);
    if (before && (before.key === key || (shown.editing && before.editing))) return before.dom; // what is being typed stays
    const dom = row(current, shown, {
      open: () => controller.openKept(run.copy),
      compare: () => controller.dispatch({ type: "compare", copies: compared.includes(run.copy) ? compared.filter((copy) => copy !== run.copy) : [...compared, run.copy] }),
      star: () => controller.send({ type: "describe_run", copy: run.copy, star: !run.star }),
      edit: (begun) => edit(run, begun),
      describe(changes) {
        edit(run, false);
        if (Object.keys(changes).length) controller.send({ type: "describe_run", copy: run.copy, ...changes });
      },
      async export() {
        const to = await askForFormat(run.name);
        focus(run.copy, "export");
        if (to) controller.send({ type: "export_run", copy: run.copy, to });
      },
      remove: () => remove(run),
    });
    rows.set(run.copy, { key, dom, editing: shown.editing });
    return dom;
  }

  /** Shows the fields for the name and notes of a run, or takes them away.
   * @param {Run} run @param {boolean} begun */
  function edit(run, begun) {
    if (begun) edited.add(run.copy);
    else edited.delete(run.copy);
    draw();
    focus(run.copy, begun ? "name" : "rename");
    if (begun && document.activeElement instanceof HTMLInputElement) document.activeElement.select();
  }

  /** Makes these the rows of the table. Those that stay are not moved: a row loses the focus when it is, and its layout.
   * @param {HTMLElement[]} next */
  function arrange(next) {
    const staying = new Set(/** @type {Element[]} */ (next));
    for (const dom of [...body.children]) if (!staying.has(dom)) dom.remove();
    for (const [index, dom] of next.entries()) {
      const there = body.children[index];
      if (there !== dom) body.insertBefore(dom, there ?? null);
    }
  }

  function draw() {
    const found = order(matching());
    const key = JSON.stringify([search.value, sorting]);
    if (drawn !== key) [visible, drawn] = [PAGE, key];
    drawHead();
    const focused = /** @type {HTMLElement|null} */ (document.activeElement);
    const [copy, action] = [focused?.closest("tr")?.dataset["copy"], focused?.dataset["action"]];
    const shownColumns = columns.columns().slice(1);
    const next = found.slice(0, visible).map((run) => rowOf(run, shownColumns));
    arrange(next);
    if (copy && action && !body.contains(document.activeElement)) focus(copy, action);
    show(end, found.length > visible);
    show(table, known.length > 0);
    show(columns.dom, known.length > 0);
    show(search, known.length > 5 || search.value !== "");
    setText(empty, known.length ? words.noMatch : nowhere ? words.keptNowhere : words.none);
    show(empty, ready && next.length === 0);
    if (wanted && rows.has(wanted) && known.some(({ copy }) => copy === wanted)) {
      focus(wanted, "delete"); // of the run that was brought back
      wanted = "";
    }
  }

  new IntersectionObserver(([entry]) => {
    if (!entry?.isIntersecting) return;
    visible += PAGE;
    draw();
  }, { rootMargin: "600px" }).observe(end);

  return {
    dom: element("div", { class: "runs-page" }, element("div", { class: "runs-top" }, element("h2", {}, labels.places.runs), summary, imports.button, search),
      persistence, mistake, imports.notice, undo, comparison.dom, empty, columns.dom, element("div", { class: "scrolling" }, table), end),
    /** @param {State} state */
    sync(state) {
      comparison.sync(state);
      imports.sync(state);
      const chosen = columns.sync(state);
      settings = state.runSettings;
      const { runs, errors, place, run, persistent } = state;
      deleted = state.deleted.at(-1);
      if (!asked && run && run.kept_step > 0 && !state.about?.machine) askToPersist();
      showError(mistake, errors["runs"]);
      setText(undoWords, deleted ? words.deleted(deleted.name) : "");
      show(undo, deleted !== undefined);
      if (leaving && deleted?.copy === leaving) {
        undo.querySelector("button")?.focus();
        leaving = "";
      }
      nowhere = isKeptNowhere(state) && state.limit !== "";
      ready = state.listed;
      setText(persistence, persistent === false ? words.notPersistent : "");
      show(persistence, persistent === false && runs.length > 0);
      if (place !== "runs") {
        listed = false;
        return;
      }
      const entered = !listed;
      listed = true;
      if (entered) controller.send({ type: "list_runs" });
      if (!entered && !chosen && runs === known && state.listed === shownList && state.compared === compared && run === live) return;
      shownList = state.listed;
      [known, live, compared] = [runs, run, state.compared];
      setText(summary, words.summary(runs.length, size(runs.reduce((sum, { bytes }) => sum + bytes, 0))));
      draw();
    },
  };
}

/** The newest figures of the run on the screen.
 * @param {NonNullable<State["run"]>} live @param {Run} run @returns {Partial<Run>} */
function latest(live, run) {
  return {
    step: live.step, steps: Number(live.experiment.train["steps"]), loss: live.metrics["loss"] ?? run.loss, val_loss: live.metrics["val_loss"] ?? run.val_loss,
    accuracy: live.metrics["accuracy"] ?? run.accuracy,
  };
}
