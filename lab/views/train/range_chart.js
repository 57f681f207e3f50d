// The chart of a learning-rate range test: the loss against the rate, on a logarithmic axis, and the rate that it suggests.

import uPlot from "../../uplot/uPlot.esm.js";
import { element, setText, show } from "../../ui/dom.js";
import { loss, number } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../transport/messages.js").LrRangeEvent} LrRange */

const { several: words } = labels;
const ROWS = 20; // of the table behind the chart, at most

/** The chart, with a table of the same numbers. */
export function rangeChart() {
  const frame = element("div", { class: "chart range-chart", role: "img", "aria-label": words.rangeChart });
  const rows = element("tbody", {});
  const table = element("details", { class: "more" }, element("summary", {}, words.rangeTable), element("table", { class: "results" },
    element("thead", {}, element("tr", {}, ...words.rangeColumns.map((name) => element("th", { scope: "col" }, name)))), rows));
  const verdict = element("p", { class: "words", role: "status" });
  const dom = element("div", { class: "range-result", hidden: true }, frame, verdict, table);
  /** @type {uPlot|null} */
  let plot = null;
  /** @type {LrRange|null} */
  let shown = null;

  function draw() {
    plot?.destroy();
    plot = null;
    const { width, height } = frame.getBoundingClientRect();
    if (!shown || shown.rates.length < 2 || width < 1) return;
    const colour = (/** @type {string} */ name) => getComputedStyle(frame).getPropertyValue(name).trim();
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const axis = { stroke: colour("--ink-3"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `${0.75 * rem}px system-ui, sans-serif` };
    const { suggested } = shown;
    plot = new uPlot({
      width, height, padding: [12, 20, 0, 0], legend: { show: false }, cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: false, distr: 3, range: (_, low, high) => [low, high] } },
      axes: [{ ...axis, grid: { show: false }, size: 2 * rem, values: (_, splits) => splits.map((split) => (split ? String(split) : "")) }, axis],
      series: [{}, { stroke: colour("--line"), width: 1.5, points: { show: false } }, { stroke: colour("--accent"), width: 2, points: { show: false } }],
      hooks: { draw: [(chart) => {
        if (suggested === null) return;
        const at = chart.valToPos(suggested, "x", true);
        const { ctx, bbox } = chart;
        ctx.save();
        ctx.strokeStyle = colour("--ink-2");
        ctx.setLineDash([4, 4]);
        ctx.beginPath();
        ctx.moveTo(at, bbox.top);
        ctx.lineTo(at, bbox.top + bbox.height);
        ctx.stroke();
        ctx.restore();
      }] },
    }, [shown.rates, shown.losses, shown.smoothed], frame);
  }
  new ResizeObserver(draw).observe(frame);

  return {
    dom,
    /** @param {LrRange|null} range */
    sync(range) {
      show(dom, range !== null && range.rates.length > 1);
      if (range === shown) return;
      shown = range;
      draw();
      if (!range) return;
      const { rates, smoothed, done, suggested, steepest, lowest } = range;
      const found = suggested === null || steepest === null || lowest === null ? words.noRate : words.suggested(number(suggested), number(steepest), number(lowest));
      setText(verdict, done ? found : words.testing(rates.length));
      const every = Math.max(1, Math.ceil(rates.length / ROWS));
      rows.replaceChildren(...rates.flatMap((rate, index) => (index % every ? []
        : [element("tr", {}, element("th", { scope: "row" }, number(rate)), element("td", {}, loss(smoothed[index] ?? NaN)))])));
    },
  };
}
