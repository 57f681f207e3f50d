// A chart of the comparison: a line for each run, or two. All charts have one horizontal axis, one cross-hair and one zoom.

import uPlot from "../../uplot/uPlot.esm.js";
import { columnsOf, endsOf } from "../../state/chart_lines.js";
import { around, ticks } from "../../state/ticks.js";
import { element, setText, show } from "../../ui/dom.js";
import { count, number, percent } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { chartFiles } from "./chart_files.js";
import { chartTable } from "./chart_table.js";
import { colourOf, isEdge, lineName } from "./lines.js";

/** @typedef {import("./lines.js").Content} Content */
/** @typedef {import("./lines.js").Shown} Shown */

const { comparison: words } = labels;
const MOST_POINTS = 1000; // along the horizontal axis: as many as a chart has pixels, about
const ALL_POINTS = 20_000; // of all lines
const FAINT = 0.2; // opacity of the other lines while one is lit

/**
 * @param {{chart: import("../../state/chart_lines.js").Chart, onZoom: (ends: [number, number]|null) => void,
 *   onLight: (copies: string[]) => void, mark: () => number|null}} given  `mark` is a place on the horizontal axis that gets a line
 */
export function runChart({ chart, onZoom, onLight, mark }) {
  const write = chart === "accuracy" ? percent : number;
  const readout = element("p", { class: "readout", "aria-hidden": "true", translate: "no" });
  const aloud = element("p", { class: "unseen", role: "status", "aria-live": "polite" });
  const frame = element("div", { class: "chart", role: "application", tabindex: "0", onkeydown: press, onblur: () => setText(aloud, "") });
  const table = chartTable(write);
  const files = chartFiles(chart, frame, write, () => shown);
  const figure = element("figure", {}, frame, element("figcaption", {}, readout), element("div", { class: "chart-tools" }, files, table.dom), aloud);
  const title = element(chart === "loss" ? "h3" : "summary", {});
  const dom = chart === "loss" ? element("section", { class: "run-chart" }, title, figure)
    : element("details", { class: "run-chart", ontoggle: () => draw() }, title, figure);
  /** @type {uPlot|null} */
  let plot = null;
  /** @type {Content} */
  let content = { any: false, lines: () => [], axes: { across: "step", unit: "nats", smoothing: "none", logX: false, logY: false }, zoom: null };
  /** @type {Shown|null} */
  let shown = null;
  /** @type {string[]} */
  let lit = [];
  let index = -1; // of the point that the keys have reached

  new ResizeObserver(() => {
    const { width, height } = frame.getBoundingClientRect();
    if (width < 1 || height < 1) return;
    if (!plot) draw();
    else if (Math.abs(plot.width - width) >= 1 || Math.abs(plot.height - height) >= 1) plot.setSize({ width, height });
  }).observe(frame);
  // A GPU process that dies takes the drawing with it. (These events do not bubble.)
  for (const event of ["contextlost", "contextrestored"]) frame.addEventListener(event, () => setTimeout(draw), true);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  function draw() {
    plot?.destroy();
    plot = shown = null;
    index = -1;
    const { width, height } = frame.getBoundingClientRect(); // 0 on another place, but not where it is folded
    const { any, axes, zoom } = content;
    if (width < 1 || height < 1 || !any || (dom instanceof HTMLDetailsElement && !dom.open)) return;
    const lines = content.lines();
    if (!lines.length) return;
    const ends = zoom ?? endsOf(lines, axes.logX);
    const most = Math.max(100, Math.min(MOST_POINTS, Math.floor(ALL_POINTS / lines.length)));
    const [at, ...columns] = columnsOf(lines, ends, most, axes.logX);
    shown = { lines, axes, ends, at, columns: axes.logY ? columns.map((column) => column.map((value) => (value !== null && value > 0 ? value : null))) : columns };
    plot = new uPlot(options(width, height, shown), [at, ...shown.columns], frame);
    table.sync(shown);
    if (lit.length) fade();
  }

  /** @param {number} width @param {number} height @param {Shown} drawn @returns {uPlot.Options} */
  function options(width, height, { lines, axes, ends }) {
    const styles = getComputedStyle(frame);
    const colour = (/** @type {string} */ name) => styles.getPropertyValue(name).trim();
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const axis = {
      stroke: colour("--ink-3"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `${0.75 * rem}px system-ui, sans-serif`,
      filter: (/** @type {uPlot} */ _, /** @type {number[]} */ splits) => splits,
    };
    const room = (/** @type {number} */ pixels, /** @type {number} */ each) => Math.max(2, Math.floor(pixels / (each * rem)));
    return {
      width, height, padding: [12, 28, 0, 0], legend: { show: false },
      cursor: {
        points: { size: 7 }, y: false, focus: { prox: 24 }, sync: { key: "comparison", scales: ["x", null], filters: { sub: (type) => type === "mousemove" || type === "mouseleave" } },
        drag: { x: true, y: false, setScale: false, dist: 6 }, bind: { dblclick: () => () => { setTimeout(() => onZoom(null)); return null; } },
      },
      focus: { alpha: 1 }, // the lines of a run are lit together, by `fade`
      scales: {
        x: { time: false, distr: axes.logX ? 3 : 1, range: () => ends },
        y: { distr: axes.logY ? 3 : 1, range: (_, low, high) => around(low, high, axes.logY) },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 2 * rem, gap: rem / 2, splits: (chart, _, low, high) => ticks(low, high, room(chart.width, 6), axes.logX),
          values: (_, splits) => splits.map((split) => across(split)) },
        { ...axis, gap: rem / 2, size: (_, values) => rem + 0.45 * rem * Math.max(4, ...(values ?? []).map(({ length }) => length)),
          splits: (chart, _, low, high) => ticks(low, high, room(chart.height, 2.75), axes.logY), values: (_, splits) => splits.map((split) => write(split)) },
      ],
      series: [{}, ...lines.map((line) => ({
        label: lineName(line), ...(isEdge(line) ? {} : { stroke: colour(colourOf(line.place)) }), width: line.kind === "validation" ? 1.5 : 2,
        ...(line.kind === "validation" ? { dash: [5, 4] } : {}), points: { show: !isEdge(line) && line.x.length < 2 }, spanGaps: true,
      }))],
      bands: lines.flatMap((line, index) => ( // its lowest values are the line before
        line.kind === "highest" ? [{ series: /** @type {[number, number]} */ ([index + 1, index]), fill: `${colour(colourOf(line.place))}33` }] : [])),
      hooks: { setCursor: [read], setSeries: [(_, series) => onLight(series === null ? [] : (lines[series - 1]?.copies ?? []))], setSelect: [select], draw: [drawMark] },
    };
  }

  /** A place on the horizontal axis.
   * @param {number} value */
  function across(value) {
    return content.axes.across === "seconds" || value % 1 ? number(value) : count(value);
  }

  /** @param {uPlot} drawn */
  function drawMark({ ctx, bbox, valToPos }) {
    const place = mark();
    if (place === null || !shown || place < shown.ends[0] || place > shown.ends[1]) return;
    const x = valToPos(place, "x", true);
    ctx.save();
    ctx.strokeStyle = getComputedStyle(frame).getPropertyValue("--ink");
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  /** @param {uPlot} drawn */
  function select(drawn) {
    const { left, width } = drawn.select;
    const ends = /** @type {[number, number]} */ ([drawn.posToVal(left, "x"), drawn.posToVal(left + width, "x")]);
    if (width > 0) setTimeout(() => onZoom(ends)); // a chart that is replaced during this event keeps its listeners
  }

  /** @param {uPlot} drawn */
  function read(drawn) {
    const { idx } = drawn.cursor;
    setText(readout, idx === null || idx === undefined ? "" : valuesAt(idx));
  }

  /** The values at a point of the horizontal axis, in words.
   * @param {number} at */
  function valuesAt(at) {
    if (!shown) return "";
    const { lines, columns, axes } = shown;
    const values = lines.map((line, place) => `${lineName(line)} ${write(nearest(columns[place] ?? [], at))}`);
    return [words.at[axes.across](across(shown.at[at] ?? 0)), ...values].join(" · ");
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    if (!plot || !shown || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = shown.at.length - 1;
    const page = Math.max(1, Math.round(last / 10));
    const moves = /** @type {Record<string, number>} */ ({
      ArrowRight: index + 1, ArrowLeft: index < 0 ? last : index - 1, PageUp: index + page, PageDown: index - page, Home: 0, End: last,
    });
    const moved = moves[event.key];
    if (moved !== undefined) {
      index = Math.max(0, Math.min(last, moved));
      // The third argument moves the cross-hair of the other charts too; uPlot's types lack it.
      /** @type {(place: {left: number, top: number}, fire: boolean, publish: boolean) => void} */ (plot.setCursor)(
        { left: plot.valToPos(shown.at[index] ?? 0, "x"), top: 1 }, true, true);
      setText(aloud, valuesAt(index));
    } else if (event.key === "+" || event.key === "=") magnify(0.5);
    else if (event.key === "-") magnify(2);
    else if (event.key === "Escape" && content.zoom) onZoom(null);
    else return;
    event.preventDefault();
  }

  /** Zooms by keys: the point that was read last stays in view.
   * @param {number} factor */
  function magnify(factor) {
    if (!shown) return;
    const { lines, ends: [low, high], at, axes: { logX } } = shown;
    const [there, back] = logX ? [Math.log, Math.exp] : [Number, Number];
    const [first, last] = endsOf(lines, logX);
    const [from, to] = [there(low), there(high)];
    const middle = index < 0 ? (from + to) / 2 : there(at[index] ?? low);
    const [left, right] = [back(middle - factor * (middle - from)), back(middle + factor * (to - middle))];
    const ends = /** @type {[number, number]} */ ([Math.max(first, left), Math.min(last, right)]);
    onZoom(ends[0] <= first && ends[1] >= last ? null : ends);
    setText(aloud, words.from(across(ends[0]), across(ends[1])));
  }

  function fade() {
    const isLit = (/** @type {import("./lines.js").NamedLine} */ { copies }) => copies.some((copy) => lit.includes(copy));
    const all = !shown?.lines.some(isLit);
    for (const [place, line] of (shown?.lines ?? []).entries()) {
      const series = plot?.series[place + 1];
      if (series) series.alpha = all || isLit(line) ? 1 : FAINT;
    }
    plot?.redraw(false);
  }

  return {
    dom,
    /** @param {Content} next */
    sync(next) {
      content = next;
      const name = words.charts[chart](next.axes.unit);
      setText(title, name);
      frame.setAttribute("aria-label", words.keys(name));
      show(dom, next.any);
      draw();
    },
    redraw: () => plot?.redraw(false),
    /** Lights the lines of runs; all with none.
     * @param {string[]} copies */
    light(copies) {
      lit = copies;
      fade();
    },
  };
}

/** The value at an index of a column that has gaps, or the one before it.
 * @param {(number|null)[]} column @param {number} index */
function nearest(column, index) {
  for (let at = index; at >= 0; at -= 1) {
    const value = column[at];
    if (typeof value === "number") return value;
  }
  return NaN;
}
