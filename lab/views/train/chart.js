// The loss chart. uPlot draws the columns of curves.js; the colours come from the style sheet, which has a dark scheme.
// Each axis can be logarithmic: early steps are quick and late gains are small.

import uPlot from "../../uplot/uPlot.esm.js";
import { lossScale } from "../../state/loss_scale.js";
import { element, setText } from "../../ui/dom.js";
import { count, loss, number } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { recall, remember } from "../../ui/preferences.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/curves.js").Curves} Curves */

const FAMILY = "system-ui, sans-serif";
const RING = 8; // diameter of a validation mark, in pixels
const RING_DISTANCE = 14; // between two marks, at least, so that they do not merge into a band
const PLACES = [1, 0.8, 0.6, 0.4, 0.2]; // of the names of the marks, as shares of the chart's width
const { chart: words } = labels;

/** @param {Curves} curves */
export function chartView(curves) {
  const readout = element("p", { class: "readout", "aria-hidden": "true", translate: "no" });
  const frame = element("div", { class: "chart", role: "img", "aria-label": words.title });
  const logarithmic = { steps: axisChoice("log-steps", words.logSteps), losses: axisChoice("log-losses", words.logLosses) };
  const dom = element("figure", {}, frame, element("figcaption", {},
    element("span", { class: "key training" }, words.training),
    element("span", { class: "key validation" }, words.validation),
    element("span", { class: "key blind" }, words.guessing),
    logarithmic.steps.dom, logarithmic.losses.dom, readout));
  /** @type {uPlot|null} */
  let plot = null;
  let stale = false;
  let drawn = -1;
  let blind = NaN;
  /** @type {Record<string, number>} */
  let counted = {};
  let steps = 0;
  /** @type {State["device"]["open"]} */
  let device = null;
  let inks = { line: "", paper: "" }; // of the marks, read once per chart: reading a style forces a layout
  let rem = 16; // the text size that the visitor has chosen, in pixels

  /** A choice to make an axis logarithmic, which the browser remembers.
   * @param {string} name @param {string} label */
  function axisChoice(name, label) {
    const input = element("input", { type: "checkbox", id: name, onchange() {
      remember(name, String(input.checked));
      draw();
    } });
    input.checked = recall(name) === "true";
    return { input, dom: element("label", { class: "axis-choice" }, input, label) };
  }

  function draw() {
    const { width, height } = frame.getBoundingClientRect();
    stale = width < 1 || height < 1; // hidden: drawn once it is seen
    if (stale) return;
    plot?.destroy();
    plot = new uPlot(options(width, height), columns(), frame);
  }

  /** The columns in the order in which they are drawn: the training curve last, over the marks of validation. @returns {uPlot.AlignedData} */
  function columns() {
    const [at, losses, averages, validations] = curves.columns;
    return [at, losses, validations, averages];
  }

  new ResizeObserver(() => {
    const { width, height } = frame.getBoundingClientRect();
    if (!plot || stale) draw();
    else if (Math.abs(plot.width - width) >= 1 || Math.abs(plot.height - height) >= 1) plot.setSize({ width, height });
  }).observe(frame);
  // A GPU process that dies takes the drawing with it, whatever device trains. (These events do not bubble.)
  for (const event of ["contextlost", "contextrestored"]) frame.addEventListener(event, () => setTimeout(draw), true);
  for (const colours of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(colours).addEventListener("change", draw);
  }

  /** @param {number} width @param {number} height @returns {uPlot.Options} */
  function options(width, height) {
    const styles = getComputedStyle(frame);
    const colour = (/** @type {string} */ name) => styles.getPropertyValue(name).trim();
    inks = { line: colour("--ink-3"), paper: colour("--paper") };
    rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const font = `${0.75 * rem}px ${FAMILY}`;
    const axis = { stroke: colour("--ink-3"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font };
    const widest = () => 0.45 * rem * count(steps).length; // of the labels below the chart
    return {
      width, height, padding: [12, () => Math.max(20, widest() / 2 + 4), 0, 0], // the last label is centred on the edge
      legend: { show: false },
      cursor: { points: { size: 7 }, drag: { x: false, y: false }, y: false },
      scales: {
        // The inverse hyperbolic sine is the logarithm but for the first step, and has a place for step 0.
        x: { time: false, distr: logarithmic.steps.input.checked ? 4 : 1, range: (_, _low, high) => [0, Math.max(steps, high ?? 0, 1)] },
        y: { distr: logarithmic.losses.input.checked ? 3 : 1, range: (_, low, high) => lossScale(low, high, blind, logarithmic.losses.input.checked) },
      },
      axes: [
        {
          ...axis, grid: { show: false }, size: 2 * rem, gap: rem / 2, space: () => widest() + rem,
          values: (_, splits) => splits.map((split) => (split === null || split < 0 || split % 1 ? "" : count(split))),
        },
        {
          ...axis, gap: rem / 2, size: (_, values) => rem + 0.45 * rem * Math.max(4, ...(values ?? []).map(({ length }) => length)),
          space: 2.75 * rem, values: (_, splits) => splits.map((split) => (split === null ? "" : number(split))),
        },
      ],
      series: [
        {},
        { label: "step", stroke: colour("--curve-faint"), width: 1, points: { show: false }, spanGaps: true },
        {
          label: "validation", stroke: colour("--ink"), width: 1.5, gaps: untrained,
          points: { show: true, size: RING, fill: "#0000", stroke: colour("--ink"), width: 1.5, filter: ringed },
        },
        { label: "training", stroke: colour("--accent"), width: 2.25, points: { show: false }, spanGaps: true },
      ],
      hooks: { drawAxes: [(chart) => drawMarks(chart, false)], draw: [(chart) => drawMarks(chart, true)], setCursor: [read] },
    };
  }

  /** The marked validation losses: the first of each stretch of RING_DISTANCE.
   * @param {uPlot} chart @param {number} series */
  function ringed(chart, series) {
    const [at, losses = []] = [chart.data[0], chart.data[series]];
    const kept = [];
    let last = -Infinity;
    for (const [index, step] of at.entries()) {
      const place = typeof losses[index] === "number" ? chart.valToPos(step, "x") : -Infinity;
      if (place - last < RING_DISTANCE) continue;
      last = place;
      kept.push(index);
    }
    return kept;
  }

  /** Where no line joins the validation losses: between the untrained model's and the next, because the loss falls
   * steeply there and a straight line would be wrong.
   * @param {uPlot} chart @param {number} series @returns {[number, number][]} */
  function untrained(chart, series) {
    const [at, losses = []] = [chart.data[0], chart.data[series]];
    const next = losses.findIndex((loss, index) => index > 0 && typeof loss === "number");
    if (typeof losses[0] !== "number" || next < 0) return [];
    return [[chart.valToPos(at[0] ?? 0, "x", true), chart.valToPos(at[next] ?? 0, "x", true)]];
  }

  /** The losses of random guessing and of n-gram counts: a line each, with its name if there is room. The lines are
   * behind the curves; the names are in front, with a margin, where there is no curve.
   * @param {uPlot} chart @param {boolean} names */
  function drawMarks(chart, names) {
    const { ctx, bbox } = chart;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.fillStyle = inks.line;
    ctx.strokeStyle = names ? inks.paper : inks.line;
    ctx.lineJoin = "round";
    ctx.font = `${0.6875 * rem * ratio}px ${FAMILY}`;
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
      } else if (name && y - named > 0.875 * rem * ratio) {
        ctx.lineWidth = 4 * ratio;
        const x = rightOf(chart, ctx.measureText(String(name)).width, y - rem * ratio, y + 2 * ratio);
        if (x !== undefined) {
          ctx.strokeText(String(name), x, y - 2 * ratio);
          ctx.fillText(String(name), x, y - 2 * ratio);
        }
      }
      named = y;
    }
    ctx.restore();
  }

  /** Where a name of some width ends, in pixels of the canvas: the first place from the right that covers no curve, if any.
   * @param {uPlot} chart @param {number} width @param {number} top @param {number} bottom */
  function rightOf(chart, width, top, bottom) {
    const { left: start, width: whole } = chart.bbox;
    const index = (/** @type {number} */ x) => chart.posToIdx((x - start) / devicePixelRatio);
    const places = PLACES.map((share) => start + share * whole).filter((right) => right - width >= start);
    return places.find((right) => {
      const [from, to] = [Math.max(0, index(right - width) - 1), index(right) + 2]; // and the lines to the next points
      return chart.data.slice(2).every((losses) => {
        const heights = losses.slice(from, to).filter((loss) => typeof loss === "number").map((loss) => chart.valToPos(Number(loss), "y", true));
        return !heights.length || Math.max(...heights) < top || Math.min(...heights) > bottom;
      });
    });
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
      const vocabulary = state.run?.vocabulary ?? state.checked?.vocabulary;
      const reference = vocabulary ? Math.log(vocabulary) : blind; // while a draft is checked, the last one's
      const marks = state.run?.baselines ?? {};
      if (state.device.open !== device) { // perhaps because the GPU was lost: not every browser says that the chart is, too
        device = state.device.open;
        draw();
      }
      if (!plot || (drawn === curves.revision && total === steps && Object.is(blind, reference) && marks === counted)) return;
      counted = marks;
      drawn = curves.revision;
      steps = Number(total) || 1;
      blind = reference;
      plot.setData(columns());
    },
  };
}
