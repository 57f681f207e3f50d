// The runs that are checked in the table: their curves, what differs between them, and what they wrote.

import { CHARTS, hasLines, linesOf, placing, stepsPerPoint } from "../../state/chart_lines.js";
import { countedBy } from "../../state/comparison.js";
import { groupedLines } from "../../state/groups.js";
import { SMOOTHINGS } from "../../state/smoothing.js";
import { element, setText, show } from "../../ui/dom.js";
import { count } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { radioRow } from "../../ui/radio_row.js";
import { runChart } from "./chart.js";
import { settingsTable } from "./settings_table.js";
import { timeLineView } from "./time_line.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("./lines.js").Compared} Compared */

const { comparison: words } = labels;
const UNITS = /** @type {const} */ (["nats", "bits", "perplexity"]);
const ACROSS = /** @type {const} */ (["step", "tokens", "seconds"]);

/** @param {import("../../state/state.js").Controller} controller */
export function compareView(controller) {
  /** @type {import("./lines.js").Axes} */
  const axes = { across: "step", unit: "nats", smoothing: "mean20", logX: false, logY: false };
  /** @type {[number, number]|null} */
  let zoom = null;
  /** @type {Compared[]} */
  let shown = [];
  /** @type {Compared[]} the same without groups */
  let each = [];
  let grouped = ""; // the runs whose groups were asked for, with their steps then
  let drawn = "";
  let lit = "";
  /** @type {WeakMap<Compared["read"], Map<string, string|ReturnType<typeof linesOf>>>} */
  const made = new WeakMap();

  const across = radioRow("compare-across", words.acrossTitle, (value) => {
    axes.across = ACROSS.find((name) => name === value) ?? "step";
    zoom = null; // the numbers mean something else now
    draw();
  });
  const unit = radioRow("compare-unit", words.unitsTitle, (value) => {
    axes.unit = UNITS.find((name) => name === value) ?? "nats";
    draw();
  });
  const smoothing = element("select", { id: "smoothing", onchange() {
    axes.smoothing = /** @type {import("../../state/smoothing.js").Smoothing} */ (smoothing.value);
    draw();
  } }, ...Object.keys(SMOOTHINGS).map((name) => element("option", { value: name, selected: name === axes.smoothing },
    words.smoothings[/** @type {keyof typeof SMOOTHINGS} */ (name)])));
  const group = element("input", { type: "checkbox", id: "group-seeds", onchange: () => controller.refresh() });
  const [logX, logY] = [logarithmic("logX", words.logX), logarithmic("logY", words.logY)];
  const whole = element("button", { class: "text-button", hidden: true, onclick: () => zoomTo(null) }, words.whole);
  const clear = element("button", { class: "text-button", onclick() {
    controller.dispatch({ type: "compare", copies: [] });
    /** @type {HTMLElement|null} */ (document.querySelector(".runs [data-action=compare]"))?.focus();
  } }, words.clear);
  const [says, lacks, otherTokens, band] = [0, 1, 2, 3].map(() => element("p", { class: "hint" }));
  const charts = CHARTS.map((chart) => ({ chart, view: runChart({ chart, onZoom: zoomTo, onLight: light, mark }) }));
  const settings = settingsTable();
  const timeLine = timeLineView({ branch: controller.branch, turn() {
    for (const { view } of charts) view.redraw();
  } });
  const dom = element("section", { class: "stage comparison", "aria-label": words.title, hidden: true },
    element("div", { class: "comparison-top" }, across.dom, unit.dom, clear),
    element("div", { class: "comparison-top" }, element("span", { class: "axis-choice" }, element("label", { for: "smoothing" }, words.smoothing), smoothing), logX, logY,
      element("label", { class: "axis-choice" }, group, words.group), whole),
    says, band, lacks, otherTokens, ...charts.map(({ view }) => view.dom), timeLine.dom, settings.dom);

  /** @param {"logX"|"logY"} which @param {string} label */
  function logarithmic(which, label) {
    const input = element("input", { type: "checkbox", onchange() {
      axes[which] = input.checked;
      draw();
    } });
    return element("label", { class: "axis-choice" }, input, label);
  }

  /** An edge of the band of a group.
   * @param {Compared["read"]|undefined} read @param {"lowest"|"highest"} kind @returns {import("../../state/chart_lines.js").Line[]} */
  function edge(read, kind) {
    return read ? linesIn(read, "loss").filter((line) => line.kind === "validation").map((line) => ({ ...line, kind })) : [];
  }

  /** The lines of a run in a chart; those before, if the axes are the same: most runs stay when one is added.
   * @param {Compared["read"]} read @param {import("../../state/chart_lines.js").Chart} chart */
  function linesIn(read, chart) {
    const key = [axes.across, axes.unit, axes.smoothing].join();
    const before = made.get(read) ?? new Map();
    if (before.get("key") !== key) before.clear();
    before.set("key", key);
    if (!before.has(chart)) before.set(chart, linesOf(read, chart, axes));
    made.set(read, before);
    return /** @type {ReturnType<typeof linesOf>} */ (before.get(chart));
  }

  /** Where the time line is, on the horizontal axis. */
  function mark() {
    const at = timeLine.mark();
    return at ? placing(at.read, axes.across)?.(at.step) ?? null : null;
  }

  /** @param {[number, number]|null} ends */
  function zoomTo(ends) {
    zoom = ends;
    draw();
  }

  function draw() {
    across.sync(Object.entries(words.across), axes.across);
    unit.sync(Object.entries(words.units), axes.unit);
    show(whole, zoom !== null);
    for (const { chart, view } of charts) {
      // A group has a mean loss. What it took, and its other metrics, are those of each of its runs.
      const runs = chart === "loss" && axes.across !== "seconds" ? shown : each;
      const lines = () => runs.flatMap((run) => [
        ...linesIn(run.read, chart), ...edge(run.band?.low, "lowest"), ...edge(run.band?.high, "highest"),
      ].map((line) => ({ ...line, copies: run.copies, name: run.name, place: run.place })));
      view.sync({ any: runs.some(({ read }) => hasLines(read, chart, axes)), lines, axes: { ...axes }, zoom });
    }
    explain();
  }

  /** Says what the curves are, which runs have none on these axes, and whether the losses count the same things. */
  function explain() {
    const steps = stepsPerPoint(shown.map(({ read }) => read));
    setText(says, words.says(words.smoothingSays[axes.smoothing], count(steps)));
    const without = (/** @type {(read: Compared["read"]) => boolean} */ has) => shown.filter(({ read }) => !has(read)).map(({ name }) => name);
    const noTime = axes.across === "seconds" ? without(({ metrics }) => metrics["seconds"]?.some((value) => value !== null) ?? false) : [];
    const noBytes = axes.unit === "bits" ? without(({ bytes_per_token }) => Boolean(bytes_per_token)) : [];
    setText(lacks, [noTime.length ? words.noSeconds(noTime) : "", noBytes.length ? words.noBytes(noBytes) : ""].filter(Boolean).join(" "));
    show(lacks, lacks.textContent !== "");
    setText(band, words.band);
    show(band, shown.some((run) => run.band));
    setText(otherTokens, words.otherTokens);
    show(otherTokens, axes.unit !== "bits" && new Set(shown.map(({ read }) => countedBy(read))).size > 1);
  }

  /** Lights the curves of runs and their rows in the table; all curves and no row with none.
   * @param {string[]} copies */
  function light(copies) {
    const next = copies.filter((copy) => each.some(({ read }) => read.copy === copy));
    if (next.join() === lit) return;
    lit = next.join();
    for (const row of document.querySelectorAll(".runs tr.lit")) row.classList.remove("lit");
    for (const copy of next) document.querySelector(`.runs tr[data-copy="${CSS.escape(copy)}"]`)?.classList.add("lit");
    for (const { view } of charts) view.light(next);
  }

  return {
    dom,
    light,
    /** @param {State} state */
    sync({ place, compared, read: known, runs, groups }) {
      const byCopy = new Map(runs.map((run) => [run.copy, run]));
      const listed = compared.filter((copy) => byCopy.has(copy));
      show(dom, listed.length > 0);
      if (place !== "runs" || !listed.length) {
        if (!listed.length) [shown, each, drawn, zoom] = [[], [], "", null];
        return;
      }
      for (const copy of listed) {
        const mark = `${copy} ${byCopy.get(copy)?.step}`;
        if (asked.get(copy) !== mark) {
          asked.set(copy, mark);
          controller.send({ type: "read_run", copy });
        }
      }
      const next = listed.flatMap((copy) => {
        const [read, run] = [known[copy], byCopy.get(copy)];
        return read && run ? [{ read, name: run.name, place: compared.indexOf(copy), copies: [copy] }] : [];
      });
      const steps = JSON.stringify(next.map(({ read }) => [read.copy, read.training.at(-1)?.[0], read.validation.length]));
      if (group.checked && grouped !== steps && next.length) controller.send({ type: "read_groups", copies: next.map(({ read }) => read.copy) });
      grouped = group.checked ? steps : "";
      const lines = group.checked ? groupedLines(next, groups, words.seeds) : next;
      const key = JSON.stringify(lines.map(({ read, name, place }) => [read.copy, read.training.length, read.training.at(-1)?.[0], read.checkpoints, name, place]));
      if (key === drawn) return;
      [shown, each, drawn] = [lines, next, key];
      draw();
      settings.sync(shown);
      timeLine.sync(shown);
    },
  };
}

/** @type {Map<string, string>} the runs that were asked for, with their steps then */
const asked = new Map();
