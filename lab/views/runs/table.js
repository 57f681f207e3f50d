// The runs that are kept, in a table: star, rename, open, delete. The run on the screen shows its latest figures.

import { isKeptNowhere } from "../../state/unsaved.js";
import { element, errorPlace, setAttribute, setText, show, showError } from "../../ui/dom.js";
import { size } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { MOST_COMPARED, compareView } from "./compare.js";
import { ageOf, row } from "./row.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Run} Run */

const { runs: words } = labels;

const PAGE = 40; // rows that are added when the end of the table comes into view

/** The columns that can be sorted by: the value of a run, and whether the largest comes first.
 * @type {[name: keyof typeof words.columns, value: (run: Run) => string|number, descending: boolean][]} */
const COLUMNS = [
  ["name", (run) => run.name.toLowerCase(), false],
  ["text", (run) => run.text.toLowerCase(), false],
  ["steps", (run) => run.step, true],
  ["loss", (run) => run.loss ?? Infinity, false],
  ["val_loss", (run) => run.val_loss ?? Infinity, false],
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
    element("button", { class: "button small", "data-action": "undo", onclick: bringBack }, words.undo));
  const search = element("input", { id: "runs-search", type: "search", placeholder: words.search, "aria-label": words.search, oninput: () => draw() });
  const headings = COLUMNS.map(([name]) => element("button", { class: "text-button", onclick: () => sortBy(name) }, words.columns[name]));
  const body = element("tbody", {});
  const table = element("table", { class: "results runs", "aria-label": labels.places.runs },
    element("thead", {}, element("tr", {}, element("th", { scope: "col", class: "unseen-head" }, words.columns.star),
      ...headings.map((button) => element("th", { scope: "col" }, button)), element("th", { scope: "col", class: "unseen-head" }, words.columns.actions))), body);
  const comparison = compareView(controller);
  const end = element("div", { class: "runs-end", hidden: true });
  const empty = element("p", { id: "no-runs", class: "hint", hidden: true });
  const [order, descending] = [{ by: "kept" }, { is: true }];
  /** @type {Run[]} */
  let known = [];
  /** @type {State["run"]} */
  let live = null;
  /** @type {import("../../transport/messages.js").KeptRun|undefined} */
  let deleted;
  let asked = false; // whether the browser was asked to keep the runs
  /** @type {string[]} */
  let compared = [];
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
    const first = COLUMNS.find(([column]) => column === name)?.[2] ?? false;
    descending.is = order.by === name ? !descending.is : first;
    order.by = name;
    draw();
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
   * @param {Run} run */
  function rowOf(run) {
    const place = compared.indexOf(run.copy);
    const shown = {
      live: run.open === "here" && live?.id === run.id ? live : null,
      place,
      full: place < 0 && compared.length >= MOST_COMPARED ? words.most(MOST_COMPARED) : "",
      parent: run.parent_step === null ? "" : known.find(({ id }) => id === run.parent)?.name ?? "",
      editing: edited.has(run.copy),
    };
    const latest = shown.live && [shown.live.step, shown.live.metrics["val_loss"]];
    const key = JSON.stringify([{ ...run, seconds_ago: 0, kept_at: ageOf(run) }, { ...shown, live: latest }]);
    const before = rows.get(run.copy);
    if (before && (before.key === key || (shown.editing && before.editing))) return before.dom; // what is being typed stays
    const dom = row(run, shown, {
      open: () => controller.openKept(run.copy),
      compare: () => controller.dispatch({ type: "compare", copies: place < 0 ? [...compared, run.copy] : compared.filter((copy) => copy !== run.copy) }),
      star: () => controller.send({ type: "describe_run", copy: run.copy, star: !run.star }),
      edit: (begun) => edit(run, begun),
      describe(changes) {
        edit(run, false);
        if (Object.keys(changes).length) controller.send({ type: "describe_run", copy: run.copy, ...changes });
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

  function draw() {
    const asked = search.value.trim().toLowerCase();
    const value = COLUMNS.find(([name]) => name === order.by)?.[1] ?? (() => 0);
    const matching = known.filter((run) => !asked || [run.name, run.text, run.notes, run.preset].some((part) => part.toLowerCase().includes(asked)));
    matching.sort((one, other) => {
      const [left, right] = [value(one), value(other)];
      const ascending = left < right ? -1 : left > right ? 1 : 0;
      return Number(other.star) - Number(one.star) || (descending.is ? -ascending : ascending);
    });
    if (drawn !== `${asked} ${order.by} ${descending.is}`) visible = PAGE;
    drawn = `${asked} ${order.by} ${descending.is}`;
    const focused = /** @type {HTMLElement|null} */ (document.activeElement);
    const [copy, action] = [focused?.closest("tr")?.dataset["copy"], focused?.dataset["action"]];
    const next = matching.slice(0, visible).map(rowOf);
    // Rows that stay are not moved: a row loses the focus when it is.
    if (next.length !== body.children.length || next.some((dom, index) => dom !== body.children[index])) body.replaceChildren(...next);
    if (copy && action && !body.contains(document.activeElement)) focus(copy, action);
    show(end, matching.length > visible);
    for (const [index, [name]] of COLUMNS.entries()) {
      setAttribute(/** @type {Element} */ (headings[index]?.parentElement), "aria-sort", name === order.by ? (descending.is ? "descending" : "ascending") : null);
    }
    show(table, known.length > 0);
    show(search, known.length > 5 || asked !== "");
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
    dom: element("div", { class: "runs-page" }, element("div", { class: "runs-top" }, element("h2", {}, labels.places.runs), summary, search),
      persistence, mistake, undo, comparison.dom, empty, element("div", { class: "scrolling" }, table), end),
    /** @param {State} state */
    sync(state) {
      comparison.sync(state);
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
      if (!entered && runs === known && state.listed === shownList && state.compared === compared && run === live) return;
      shownList = state.listed;
      [known, live, compared] = [runs, run, state.compared];
      setText(summary, words.summary(runs.length, size(runs.reduce((sum, { bytes }) => sum + bytes, 0))));
      draw();
    },
  };
}
