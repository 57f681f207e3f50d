// The runs that are checked in the table: their curves in one chart, what differs between them, and what they wrote.

import uPlot from "../../uplot/uPlot.esm.js";
import { columnsOf, settingsOf, tokensPerStep } from "../../state/comparison.js";
import { groupedLines } from "../../state/groups.js";
import { lossScale } from "../../state/loss_scale.js";
import { element, setText, show } from "../../ui/dom.js";
import { NONE, count, fieldName, number } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { radioRow } from "../../ui/radio_row.js";
import { timeLineView } from "./time_line.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../transport/messages.js").RunReadEvent} RunRead */

const { runs: words } = labels;
export const MOST_COMPARED = 10; // as many colours are in the style sheet: --run-0 and so on

/** @param {import("../../state/state.js").Controller} controller */
export function compareView(controller) {
  const frame = element("div", { class: "chart", role: "img", "aria-label": words.comparison });
  const axes = { across: /** @type {"step"|"tokens"} */ ("step"), unit: /** @type {"nats"|"perplexity"} */ ("nats") };
  const across = radioRow("compare-across", words.acrossTitle, (value) => {
    axes.across = value === "tokens" ? value : "step";
    draw();
  });
  const unit = radioRow("compare-unit", words.unitsTitle, (value) => {
    axes.unit = value === "perplexity" ? value : "nats";
    draw();
  });
  const group = element("input", { type: "checkbox", id: "group-seeds", onchange: () => controller.refresh() });
  const band = element("p", { class: "hint", hidden: true }, words.band);
  const readout = element("p", { class: "readout", "aria-hidden": "true", translate: "no" });
  const all = element("input", { type: "checkbox", id: "all-settings", onchange: () => drawSettings() });
  const settings = element("table", { class: "results settings-table" });
  const same = element("p", { class: "hint" }, words.same);
  const otherTokens = element("p", { class: "hint", hidden: true }, words.otherTokens);
  const timeLine = timeLineView({ branch: controller.branch, turn: () => plot?.redraw(false) });
  const clear = element("button", { class: "text-button", onclick() {
    controller.dispatch({ type: "compare", copies: [] });
    /** @type {HTMLElement|null} */ (document.querySelector(".runs [data-action=compare]"))?.focus();
  } }, words.clear);
  const dom = element("section", { class: "stage comparison", "aria-label": words.comparison, hidden: true },
    element("div", { class: "comparison-top" }, across.dom, unit.dom,
      element("label", { class: "axis-choice" }, group, words.group), clear),
    otherTokens, band, element("figure", {}, frame, element("figcaption", {}, element("span", {}, words.smoothed), readout)),
    timeLine.dom,
    element("div", { class: "comparison-top" }, element("h3", {}, words.differences),
      element("label", { class: "axis-choice" }, all, words.everything)),
    same, element("div", { class: "scrolling" }, settings));
  /** @type {uPlot|null} */
  let plot = null;
  /** @type {import("../../state/groups.js").Line[]} */
  let shown = [];
  let grouped = ""; // the runs whose groups were asked for, with their steps then
  let stale = false; // drawn while hidden
  let drawn = "";
  /** @type {WeakMap<RunRead, {key: string, columns: ReturnType<typeof columnsOf>}>} */
  const computed = new WeakMap();

  new ResizeObserver(() => {
    const { width, height } = frame.getBoundingClientRect();
    if (width < 1 || height < 1) return;
    if (plot && !stale) plot.setSize({ width, height });
    else draw();
  }).observe(frame);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  function draw() {
    across.sync(Object.entries(words.across), axes.across);
    unit.sync(Object.entries(words.units), axes.unit);
    plot?.destroy();
    plot = null;
    const { width, height } = frame.getBoundingClientRect();
    stale = width < 1;
    if (width < 1 || height < 1 || !shown.length) return;
    plot = new uPlot(options(width, height), uPlot.join([...shown.map(({ read }) => columns(read)), ...bands().map(({ low, high }) => {
      const [at, , lowest] = columns(low);
      return /** @type {uPlot.AlignedData} */ ([at, lowest, columns(high)[2]]);
    })]), frame);
  }

  function bands() {
    return shown.flatMap(({ band: own, place }) => (own ? [{ ...own, place }] : []));
  }

  /** The curves of a run on the axes that are chosen.
   * @param {RunRead} read */
  function columns(read) {
    const key = `${axes.across} ${axes.unit}`;
    const before = computed.get(read);
    if (before?.key === key) return before.columns;
    const found = columnsOf(read, axes.across, axes.unit);
    computed.set(read, { key, columns: found });
    return found;
  }

  /** @param {number} width @param {number} height @returns {uPlot.Options} */
  function options(width, height) {
    const colour = (/** @type {string} */ name) => getComputedStyle(frame).getPropertyValue(name).trim();
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const axis = { stroke: colour("--ink-3"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `${0.75 * rem}px system-ui, sans-serif` };
    return {
      width, height, padding: [12, 28, 0, 0], legend: { show: false },
      cursor: { points: { size: 7 }, drag: { x: true, y: false }, y: false, focus: { prox: 24 } },
      focus: { alpha: 0.25 },
      scales: { x: { time: false }, y: { range: (_, low, high) => lossScale(low, high, NaN, false) } },
      axes: [{ ...axis, grid: { show: false }, size: 2 * rem, gap: rem / 2, values: (_, splits) => splits.map((split) => (split % 1 ? "" : count(split))) },
        { ...axis, values: (_, splits) => splits.map((split) => number(split)) }],
      series: [{}, ...shown.map(({ name, place }) => ({ name, stroke: colour(`--run-${place}`) })).flatMap(({ name, stroke }) => [
        { label: name, stroke, width: 2, points: { show: false }, spanGaps: true },
        { label: name, stroke, width: 1.5, dash: [5, 4], points: { show: false }, spanGaps: true },
      ]), ...bands().flatMap(() => [{ points: { show: false }, spanGaps: true }, { points: { show: false }, spanGaps: true }])],
      bands: bands().map(({ place }, index) => {
        const low = 1 + 2 * (shown.length + index);
        return { series: [low + 1, low], fill: `${colour(`--run-${place}`)}33` };
      }),
      hooks: { setCursor: [read], setSeries: [light], draw: [mark] },
    };
  }

  /** A line at the step that the time line is at.
   * @param {uPlot} chart */
  function mark(chart) {
    const at = timeLine.mark();
    if (!at) return;
    const { ctx, bbox } = chart;
    const x = chart.valToPos(at.step * (axes.across === "tokens" ? tokensPerStep(at.read.experiment) : 1), "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.save();
    ctx.strokeStyle = getComputedStyle(frame).getPropertyValue("--ink");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  /** The curve under the pointer marks its row of the table.
   * @param {uPlot} chart @param {number|null} series */
  function light(chart, series) {
    const place = series === null ? -1 : Math.floor((series - 1) / 2);
    for (const row of document.querySelectorAll(".runs tr.lit")) row.classList.remove("lit");
    for (const copy of shown[place]?.copies ?? []) document.querySelector(`.runs tr[data-copy="${CSS.escape(copy)}"]`)?.classList.add("lit");
  }

  /** @param {uPlot} chart */
  function read(chart) {
    const { idx } = chart.cursor;
    if (idx === null || idx === undefined) return setText(readout, "");
    const [at, ...curves] = chart.data;
    const parts = shown.map(({ name }, index) => `${name} ${number(nearest(curves[2 * index] ?? [], idx))}`);
    setText(readout, [`${words.atShort[axes.across]} ${count(at[idx] ?? 0)}`, ...parts].join(" · "));
  }

  function drawSettings() {
    const rows = settingsOf(shown.map(({ read }) => read), all.checked);
    show(otherTokens, new Set(shown.map(({ read }) => countedBy(read))).size > 1);
    show(same, rows.length === 0 && shown.length > 1);
    settings.replaceChildren(...(rows.length ? [
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, words.setting),
        ...shown.map(({ name, place }) => element("th", { scope: "col", "data-colour": place, class: "coloured", dir: "auto" }, name)))),
      element("tbody", {}, ...rows.map(({ field, values, same: equal }) => element("tr", { class: equal ? "equal" : null },
        element("th", { scope: "row" }, words.otherSettings[field] ?? fieldName(field)), ...values.map((value) => element("td", { dir: "auto" }, String(value) || NONE))))),
    ] : []));
  }

  return {
    dom,
    /** @param {State} state */
    sync({ place, compared, read: known, runs, groups }) {
      const listed = compared.filter((copy) => runs.some((run) => run.copy === copy));
      show(dom, listed.length > 0);
      if (place !== "runs" || !listed.length) {
        if (!listed.length) [shown, drawn] = [[], ""];
        return;
      }
      for (const copy of listed) {
        const run = runs.find((one) => one.copy === copy);
        const mark = `${copy} ${run?.step}`;
        if (run && asked.get(copy) !== mark) {
          asked.set(copy, mark);
          controller.send({ type: "read_run", copy });
        }
      }
      const next = listed.flatMap((copy) => {
        const run = runs.find((one) => one.copy === copy);
        return known[copy] && run ? [{ read: known[copy], name: run.name, place: compared.indexOf(copy), copies: [copy] }] : [];
      });
      const steps = JSON.stringify(next.map(({ read }) => [read.copy, read.training.at(-1)?.[0], read.validation.length]));
      if (group.checked && grouped !== steps && next.length) controller.send({ type: "read_groups", copies: next.map(({ read }) => read.copy) });
      grouped = group.checked ? steps : "";
      const lines = group.checked ? groupedLines(next, groups, words.seeds) : next;
      const key = JSON.stringify(lines.map(({ read, name, place }) => [read.copy, read.training.length, read.training.at(-1)?.[0], read.checkpoints, name, place]));
      if (key === drawn) return;
      [shown, drawn] = [lines, key];
      show(band, bands().length > 0);
      draw();
      drawSettings();
      timeLine.sync(shown);
    },
  };
}

/** What the losses of a run count: the tokens of its text.
 * @param {RunRead} run */
function countedBy({ experiment, text_sha256 }) {
  return JSON.stringify([text_sha256, ...["layout", "tokenizer", "vocab_size"].map((name) => experiment.data[name])]);
}

/** @type {Map<string, string>} the runs that were asked for, with their steps then */
const asked = new Map();

/** The value at an index of a column that has gaps, or the one before it.
 * @param {ArrayLike<number|null|undefined>} column @param {number} index */
function nearest(column, index) {
  for (let at = index; at >= 0; at -= 1) {
    const value = column[at];
    if (typeof value === "number") return value;
  }
  return NaN;
}
