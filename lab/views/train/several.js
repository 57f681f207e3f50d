// "Try several": settings with several values, whose combinations train one after the other, and the learning-rate range test.

import { element, errorPlace, setText, show, showError } from "../../ui/dom.js";
import { count, fieldName, number, roughly, withFieldNames } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { rangeChart } from "./range_chart.js";

/** @typedef {import("../../state/state.js").State} State */

const { several: words } = labels;
const RATE = "optim.learning_rate";
const SEED = "train.seed";
const NOT_SWEPT = new Set(["name", "data.source", "data.tokenizer_file", "train.log_every", SEED]);
const PLAN_AFTER = 200; // milliseconds without typing
const NAMES_SHOWN = 4;

/** @param {import("../../state/state.js").Controller} controller */
export function severalView(controller) {
  const open = element("button", { class: "text-button", onclick: openDialog }, words.title);
  const queued = element("button", { class: "text-button", hidden: true, onclick: () => controller.go("runs") });
  const rows = element("div", { class: "several-rows" });
  const seeds = element("input", { id: "several-seeds", autocomplete: "off", placeholder: "1..3", oninput: planSoon });
  const total = element("p", { class: "words", role: "status" });
  const names = element("p", { class: "hint" });
  const mistake = errorPlace("several-mistake");
  const start = element("button", { class: "button primary", onclick: begin }, words.start);
  const chart = rangeChart();
  const find = element("button", { class: "button small", onclick: findRate }, words.find);
  const use = element("button", { class: "button small", hidden: true, onclick: useRate });
  const dialog = element("dialog", { class: "several", "aria-labelledby": "several-title" },
    element("h2", { id: "several-title" }, words.title), element("p", { class: "hint" }, words.about), rows,
    element("button", { class: "text-button", onclick: () => addRow("", "").focus() }, words.add),
    element("div", { class: "field" }, element("label", { for: "several-seeds" }, words.seeds), seeds, element("p", { class: "hint" }, words.seedsAbout)),
    total, names, mistake,
    element("div", { class: "buttons" }, start, element("button", { class: "button", onclick: () => dialog.close() }, words.close)),
    element("section", { "aria-labelledby": "range-title" }, element("h3", { id: "range-title" }, words.rangeTitle),
      element("p", { class: "hint" }, words.rangeAbout), element("div", { class: "buttons" }, find, use), chart.dom));
  dialog.addEventListener("close", () => {
    clearTimeout(planning);
    if (testing) controller.send({ type: "stop_benchmark" });
    open.focus();
  });
  document.body.append(dialog);
  let state = /** @type {State|null} */ (null);
  let planning = 0;
  let testing = false; // whether the range test runs
  let starting = /** @type {State["queue"]|null} */ (null); // the queue when Start was pressed
  let checked = /** @type {State["checked"]} */ (null);

  function openDialog() {
    if (!rows.children.length) {
      const rate = Number(state?.draft?.optim["learning_rate"]) || 0.001;
      addRow(RATE, [rate / 2, rate, 2 * rate].map((value) => String(Number(value.toPrecision(3)))).join(","));
    }
    dialog.showModal();
    plan();
  }

  /** A row for a setting and its values; returns its first control.
   * @param {string} field @param {string} values */
  function addRow(field, values) {
    const known = (state?.about?.fields ?? []).filter(({ field: name }) => !NOT_SWEPT.has(name));
    const select = element("select", { "aria-label": words.setting, onchange() {
      const [section, name = ""] = select.value.split(".");
      input.value = String(state?.draft?.[/** @type {"model"} */ (section)]?.[name] ?? "");
      input.select();
      plan();
    } }, element("option", { value: "" }, words.choose), ...known.map(({ field: name }) => element("option", { value: name, selected: name === field }, fieldName(name))));
    const input = element("input", { "aria-label": words.values, autocomplete: "off", value: values, placeholder: "1e-3,3e-3", oninput: planSoon });
    const row = element("div", { class: "several-row" }, select, input, element("button", { class: "text-button", "aria-label": words.removeTitle, onclick() {
      row.remove();
      plan();
    } }, words.remove));
    rows.append(row);
    return select;
  }

  /** The values by field, as `pygpt sweep` reads them. */
  function values() {
    /** @type {Record<string, string>} */
    const found = {};
    for (const row of rows.children) {
      const [select, input] = [row.querySelector("select"), row.querySelector("input")];
      if (select?.value && input?.value.trim()) found[select.value] = input.value;
    }
    if (seeds.value.trim()) found[SEED] = seeds.value;
    return found;
  }

  function planSoon() {
    clearTimeout(planning);
    planning = setTimeout(plan, PLAN_AFTER);
  }

  function plan() {
    clearTimeout(planning);
    checked = state?.checked ?? null;
    if (state?.draft) controller.send({ type: "plan_sweep", experiment: state.draft, values: values() });
  }

  function begin() {
    if (!state?.draft) return;
    starting = state.queue;
    controller.send({ type: "queue_sweep", experiment: state.draft, values: values() });
  }

  function findRate() {
    if (!state?.draft) return;
    testing = !testing;
    controller.send(testing ? { type: "find_lr", experiment: state.draft } : { type: "stop_benchmark" });
    controller.refresh();
  }

  function useRate() {
    const rate = state?.range?.suggested;
    if (!rate) return;
    controller.dispatch({ type: "edit", field: RATE, value: rate });
    dialog.close();
  }

  return {
    dom: element("div", { class: "several-open" }, open, queued),
    /** @param {State} next */
    sync(next) {
      state = next;
      const { queue, planned, errors, range } = next;
      setText(queued, queue.runs.length ? words.queued(queue.runs.length, queue.paused) : "");
      show(queued, queue.runs.length > 0);
      if (!dialog.open) return;
      if (starting && starting !== queue) {
        starting = null;
        dialog.close();
        return;
      }
      if (errors["several"]) [starting, testing] = [null, false];
      if (range?.done) testing = false;
      showError(mistake, errors["several"] && withFieldNames(errors["several"]));
      const known = errors["several"] ? null : planned;
      setText(total, known ? words.total(count(known.names.length), known.seconds === null ? "" : roughly(known.seconds)) : "");
      setText(names, known ? words.names(known.names.slice(0, NAMES_SHOWN), known.names.length - NAMES_SHOWN) : "");
      start.disabled = known === null;
      setText(find, testing ? words.stopTest : words.find);
      chart.sync(range);
      const suggested = range?.done ? range.suggested : null;
      show(use, suggested !== null && !testing);
      setText(use, suggested ? words.use(number(suggested)) : "");
      // The device has been measured: the time is known now.
      if (known?.seconds === null && next.checked !== checked) plan();
    },
  };
}
