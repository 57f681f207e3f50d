// The lines of the comparison's charts: what each run has, on the axes and in the unit that are chosen.

import { tokensPerStep } from "./comparison.js";
import { smoothed } from "./smoothing.js";

/** @typedef {import("../transport/messages.js").RunReadEvent} RunRead */

/** The charts, by the metric that they show; the loss is always open. */
export const CHARTS = /** @type {const} */ (["loss", "grad_norm", "update_ratio", "learning_rate", "tokens_per_second", "accuracy"]);
/** @typedef {typeof CHARTS[number]} Chart */
const SMOOTHED = new Set(["loss", "grad_norm", "update_ratio", "tokens_per_second"]);

/**
 * @typedef {object} Axes
 * @property {"step"|"tokens"|"seconds"} across
 * @property {"nats"|"bits"|"perplexity"} unit  of the losses
 * @property {import("./smoothing.js").Smoothing} smoothing  of what is measured at each step
 */

/** A line: its points in the order of x. "validation" is drawn dashed, and a band between "lowest" and "highest".
 * @typedef {{kind: "training"|"validation"|"metric"|"lowest"|"highest", x: number[], y: number[]}} Line */

/**
 * The lines of a run in a chart; none if it lacks what the chart or its axes need.
 * @param {RunRead} run @param {Chart} chart @param {Axes} axes
 * @returns {Line[]}
 */
export function linesOf(run, chart, axes) {
  const place = placing(run, axes.across);
  if (!place || (chart === "loss" && axes.unit === "bits" && !run.bytes_per_token)) return [];
  const lines = chart === "loss" ? losses(run, axes) : [metric(run, chart, axes)];
  return lines.map(({ kind, x, y }) => ({ kind, x: x.map(place), y })).filter(({ x }) => x.length > 0);
}

/** Whether a run has lines in a chart; it costs less than they do.
 * @param {RunRead} run @param {Chart} chart @param {Axes} axes */
export function hasLines(run, chart, { across, unit }) {
  if (across === "seconds" && !run.metrics["seconds"]) return false;
  if (chart === "loss") return unit !== "bits" || Boolean(run.bytes_per_token);
  return chart === "accuracy" ? run.validation.some(([, , right]) => right !== null) : chart in run.metrics;
}

/** The training loss and the validation loss.
 * @param {RunRead} run @param {Axes} axes @returns {Line[]} */
function losses(run, { unit, smoothing }) {
  const shown = (/** @type {number} */ nats) => (unit === "perplexity" ? Math.exp(nats)
    : unit === "bits" ? nats / Math.LN2 / Number(run.bytes_per_token) : nats);
  // Without the untrained model's loss: a straight line from it to the next would be wrong.
  const seen = run.validation.filter(([step]) => step > 0 || run.began_from !== "");
  return [
    { kind: "training", x: run.training.map(([step]) => step), y: smoothed(run.training.map(([, loss]) => loss), smoothing).map(shown) },
    { kind: "validation", x: seen.map(([step]) => step), y: seen.map(([, loss]) => shown(loss)) },
  ];
}

/** A metric that is logged, or the accuracy of the evaluations.
 * @param {RunRead} run @param {Exclude<Chart, "loss">} chart @param {Axes} axes @returns {Line} */
function metric(run, chart, { smoothing }) {
  const [steps, values] = chart === "accuracy" ? [run.validation.map(([step]) => step), run.validation.map(([, , right]) => right)]
    : [run.metrics["step"] ?? [], run.metrics[chart] ?? []];
  /** @type {number[]} */
  const x = [];
  /** @type {number[]} */
  const y = [];
  for (const [index, value] of values.entries()) {
    if (typeof value !== "number") continue;
    x.push(Number(steps[index]));
    y.push(value);
  }
  return { kind: "metric", x, y: SMOOTHED.has(chart) ? smoothed(y, smoothing) : y };
}

/** Where a step is on the horizontal axis; null if the run's log does not say.
 * @param {RunRead} run @param {Axes["across"]} across @returns {((step: number) => number)|null} */
export function placing(run, across) {
  if (across === "step") return (step) => step;
  if (across === "tokens") {
    const tokens = tokensPerStep(run.experiment);
    return (step) => step * tokens;
  }
  const known = (run.metrics["seconds"] ?? []).flatMap((seconds, index) => (
    typeof seconds === "number" ? [[Number(run.metrics["step"]?.[index]), seconds]] : []));
  if (!known.length) return null;
  const points = [[0, 0], ...known];
  return (step) => {
    let [low, high] = [0, points.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((points[middle]?.[0] ?? 0) <= step) low = middle;
      else high = middle;
    }
    const [[before = 0, from = 0] = [], [after = 0, to = 0] = []] = [points[low], points[high]];
    return after > before ? from + ((to - from) * (step - before)) / (after - before) : to;
  };
}

/** The steps that a point of the training loss is the mean of, at most.
 * @param {RunRead[]} runs */
export function stepsPerPoint(runs) {
  return Math.max(1, ...runs.flatMap(({ training }) => training.map(([, , count]) => count)));
}

/**
 * Lines as the columns of one chart, with one column of x. Where the lines have more points than `most` in all between the
 * ends, a column has the mean of each stretch: the drawing costs as much for a million steps as for a thousand.
 * @param {Line[]} lines @param {[number, number]} ends @param {number} most @param {boolean} logarithmic  whether x is
 * @returns {[number[], ...(number|null)[][]]}
 */
export function columnsOf(lines, [low, high], most, logarithmic) {
  const parts = lines.map(({ x, y }) => visible(x, y, low, high, logarithmic));
  const all = [...new Set(parts.flatMap(({ x }) => x))].sort((left, right) => left - right);
  if (all.length <= most) {
    return [all, ...parts.map(({ x, y }) => {
      const at = new Map(x.map((value, index) => [value, y[index] ?? null]));
      return all.map((value) => at.get(value) ?? null);
    })];
  }
  const scale = (/** @type {number} */ value) => (logarithmic ? Math.log(value) : value);
  const [first, last] = [scale(all[0] ?? 0), scale(all.at(-1) ?? 1)];
  const stretch = (/** @type {number} */ value) => Math.min(most - 1, Math.floor((most * (scale(value) - first)) / (last - first)));
  const ends = /** @type {(number|null)[]} */ (Array(most).fill(null));
  for (const value of all) ends[stretch(value)] = value; // the last x of a stretch stands for it
  const kept = [...ends.keys()].filter((index) => ends[index] !== null);
  return [kept.map((index) => Number(ends[index])), ...parts.map(({ x, y }) => {
    const [sums, counts] = [Array(most).fill(0), Array(most).fill(0)];
    for (const [index, value] of x.entries()) {
      sums[stretch(value)] += y[index];
      counts[stretch(value)] += 1;
    }
    return kept.map((index) => (counts[index] ? sums[index] / counts[index] : null));
  })];
}

/** The points between two ends, and the next one beyond each, so that the line leaves the chart.
 * @param {number[]} x @param {number[]} y @param {number} low @param {number} high @param {boolean} positive */
function visible(x, y, low, high, positive) {
  let from = x.findIndex((value) => value >= low);
  if (from < 0) from = x.length;
  let to = x.length;
  while (to > from && Number(x[to - 1]) > high) to -= 1;
  from = Math.max(0, from - 1);
  while (positive && from < to && Number(x[from]) <= 0) from += 1;
  return { x: x.slice(from, to + 1), y: y.slice(from, to + 1) };
}

/** The ends of the horizontal axis: of all lines, from 0 unless it is logarithmic.
 * @param {Line[]} lines @param {boolean} logarithmic @returns {[number, number]} */
export function endsOf(lines, logarithmic) {
  const high = Math.max(...lines.map(({ x }) => Number(x.at(-1))), 0) || 1;
  if (!logarithmic) return [0, high];
  const low = Math.min(high, ...lines.map(({ x }) => x.find((value) => value > 0) ?? high));
  return [low < high ? low : high / 10, high];
}
