// The loss chart. uPlot draws the columns of curves.js; the colours come from the style sheet, which has a dark scheme.

import uPlot from "../../uplot/uPlot.esm.js";
import { element, setText } from "../../ui/dom.js";
import { count, loss } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/curves.js").Curves} Curves */

const FONT = "12px system-ui, sans-serif";
const { chart: words } = labels;

/** @param {Curves} curves */
export function chartView(curves) {
  const readout = element("p", { class: "readout", "aria-hidden": "true" });
  const frame = element("div", { class: "chart", role: "img", "aria-label": words.title });
  const dom = element("figure", {}, frame, element("figcaption", {},
    element("span", { class: "key training" }, words.training),
    element("span", { class: "key validation" }, words.validation),
    element("span", { class: "key blind" }, words.guessing), readout));
  /** @type {uPlot|null} */
  let plot = null;
  let drawn = -1;
  let blind = NaN;
  /** @type {Record<string, number>} */
  let counted = {};
  let steps = 0;
  let inks = { line: "", paper: "" }; // of the marks, read once per chart: reading a style forces a layout

  function draw() {
    const { width, height } = frame.getBoundingClientRect();
    if (width < 1 || height < 1) return;
    plot?.destroy();
    plot = new uPlot(options(width, height), curves.columns, frame);
  }

  new ResizeObserver(() => {
    const { width, height } = frame.getBoundingClientRect();
    if (!plot) draw();
    else if (Math.abs(plot.width - width) >= 1 || Math.abs(plot.height - height) >= 1) plot.setSize({ width, height });
  }).observe(frame);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  /** @param {number} width @param {number} height @returns {uPlot.Options} */
  function options(width, height) {
    const styles = getComputedStyle(frame);
    const colour = (/** @type {string} */ name) => styles.getPropertyValue(name).trim();
    inks = { line: colour("--ink-3"), paper: colour("--paper") };
    const axis = { stroke: colour("--ink-3"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: FONT };
    return {
      width, height, padding: [12, 20, 0, 0],
      legend: { show: false },
      cursor: { points: { size: 7 }, drag: { x: false, y: false }, y: false },
      scales: {
        x: { time: false, range: (_, _low, high) => [0, Math.max(steps, high ?? 0, 1)] },
        y: { range: (_, low, high) => heights(low, high) },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 32, gap: 8, values: (_, splits) => splits.map((split) => (split % 1 ? "" : count(split))) },
        { ...axis, size: 44, gap: 8, incrs: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10], values: (_, splits) => splits.map((split) => split.toFixed(splits.length > 1 && splits[1] - splits[0] < 0.1 ? 2 : 1)) },
      ],
      series: [
        {},
        { label: "step", stroke: colour("--curve-faint"), width: 1, points: { show: false }, spanGaps: true },
        { label: "training", stroke: colour("--accent"), width: 2.25, points: { show: false }, spanGaps: true },
        {
          label: "validation", stroke: colour("--ink"), width: 1.5, spanGaps: true, dash: [1, 0],
          points: { show: true, size: 6, fill: colour("--paper"), stroke: colour("--ink"), width: 1.5 },
        },
      ],
      hooks: { drawAxes: [(chart) => drawMarks(chart, false)], draw: [(chart) => drawMarks(chart, true)], setCursor: [read] },
    };
  }

  /** The scale ranges from slightly below the lowest loss to slightly above random guessing.
   * @param {number|null} low @param {number|null} high @returns {[number, number]} */
  function heights(low, high) {
    const top = Math.max(high ?? 0, Number.isFinite(blind) ? blind : 0) || 4;
    const bottom = Math.min(low ?? 0, top);
    const room = Math.max(0.05, (top - bottom) * 0.08);
    return [Math.max(0, bottom - room), top + room];
  }

  /** The losses of random guessing and of n-gram counts: a line each, with its name if there is room. The lines are
   * behind the curves; the names are in front, with a margin, because a good model's curve ends near them.
   * @param {uPlot} chart @param {boolean} names */
  function drawMarks(chart, names) {
    const { ctx, bbox } = chart;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.fillStyle = inks.line;
    ctx.strokeStyle = names ? inks.paper : inks.line;
    ctx.lineJoin = "round";
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    let named = -Infinity;
    for (const [name, value] of [["", blind], ...Object.entries(words.marks).map(([key, mark]) => [mark, counted[key] ?? NaN])]) {
      const y = chart.valToPos(Number(value), "y", true);
      if (!(y >= bbox.top && y <= bbox.top + bbox.height)) continue;
      if (!names) {
        ctx.lineWidth = name ? ratio / 2 : ratio;
        ctx.setLineDash([3 * ratio, 5 * ratio]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
      } else if (name && y - named > 14 * ratio) {
        ctx.lineWidth = 4 * ratio;
        ctx.strokeText(String(name), bbox.left + bbox.width, y - 2 * ratio);
        ctx.fillText(String(name), bbox.left + bbox.width, y - 2 * ratio);
      }
      named = y;
    }
    ctx.restore();
  }

  /** @param {uPlot} chart */
  function read(chart) {
    const index = chart.cursor.idx;
    if (index === null || index === undefined) return setText(readout, "");
    const [at, each, smooth, seen] = curves.columns.map((column) => column[index]);
    const parts = [words.step(count(at ?? 0))];
    if (typeof (smooth ?? each) === "number") parts.push(words.trainingAt(loss(/** @type {number} */ (smooth ?? each))));
    if (typeof seen === "number") parts.push(words.validationAt(loss(seen)));
    setText(readout, parts.join(" · "));
  }

  return {
    dom,
    /** @param {State} state */
    sync(state) {
      const total = state.run?.experiment.train.steps ?? state.draft?.train.steps ?? 2000;
      const reference = Math.log(state.run?.vocabulary ?? state.checked?.vocabulary ?? NaN);
      const marks = state.run?.baselines ?? {};
      if (!plot || (drawn === curves.revision && total === steps && Object.is(blind, reference) && marks === counted)) return;
      counted = marks;
      drawn = curves.revision;
      steps = Number(total) || 1;
      blind = reference;
      plot.setData(curves.columns);
    },
  };
}
