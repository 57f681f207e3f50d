// What this device can do, in a minute: the most it multiplies at, and how fast each preset trains and writes on it.

import { element, setText, show } from "../../ui/dom.js";
import { count, short } from "../../ui/format.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../app.js").Lab} Lab */
/** @typedef {import("../../transport/protocol.js").Measurement} Measurement */

const SECONDS = 60;
const COLUMNS = ["Preset", "Batch", "ms a step", "Tokens/s", "Writing, tokens/s", "Of the peak"];

/** @param {Lab} lab */
export function benchmarkView(lab) {
  let running = false;
  let device = "";
  const open = element("button", { id: "benchmark", class: "button small", onclick: begin }, "Benchmark");
  const peak = element("p", { class: "words", id: "benchmark-peak" });
  const where = element("p", { class: "hint", role: "status", id: "benchmark-where" });
  const rows = element("tbody", { id: "benchmark-rows" });
  const again = element("button", { type: "button", class: "button small", onclick: begin, hidden: true }, "Measure again");
  const close = element("button", { type: "submit", class: "button small primary", id: "benchmark-close" }, "Stop");
  const dialog = element("dialog", { class: "question measuring", "aria-label": "Benchmark", onclose: stop },
    element("h2", {}, "Benchmark"), peak, where,
    element("div", { class: "scrolling" }, element("table", { class: "results" },
      element("thead", {}, element("tr", {}, ...COLUMNS.map((title) => element("th", { scope: "col" }, title)))), rows)),
    element("form", { method: "dialog" }, element("div", { class: "buttons" }, close, again)));

  function begin() {
    lab.dispatch({ type: "benchmarking" });
    lab.send({ type: "benchmark", seconds: SECONDS });
    if (!dialog.open) dialog.showModal();
  }

  function stop() {
    if (running) lab.send({ type: "stop_benchmark" });
  }

  return {
    dom: element("div", { class: "own" }, open, dialog),
    /** @param {State} state */
    sync({ benchmark, phase, device: { open: opened, opening } }) {
      const busy = phase === "running" || phase === "starting" || opening || opened === null;
      if (open.disabled !== busy) open.disabled = busy;
      open.title = phase === "running" ? "Pause first: a benchmark wants the device to itself." : "A minute that says how fast this device is.";
      if (!benchmark) return;
      ({ running } = benchmark);
      if (opened) device = opened.name;
      const best = Math.max(0, ...benchmark.results.map((result) => (result.kind === "matmul" ? result.gflops : 0)));
      setText(peak, best ? `Up to ${best >= 100 ? count(best) : best.toPrecision(2)} GFLOP/s` : "Multiplying…");
      setText(where, running ? `On ${device}. It takes about a minute.` : `On ${device}.${benchmark.complete ? "" : " It was ended early."}`);
      setText(close, running ? "Stop" : "Close");
      show(again, !running);
      const presets = benchmark.results.filter((result) => result.kind === "preset");
      if (presets.length < rows.childElementCount) rows.replaceChildren();
      for (const preset of presets.slice(rows.childElementCount)) rows.append(row(preset));
    },
  };
}

/** @param {Extract<Measurement, {kind: "preset"}>} found */
function row({ name, batch_size, milliseconds, tokens_per_second, sampled_per_second, share, note }) {
  const cells = note ? [element("td", { colspan: 4, class: "remark" }, note)]
    : [milliseconds.toFixed(milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0), short(tokens_per_second), short(sampled_per_second),
      share ? `${Math.round(100 * share)} %` : "–"].map((text) => element("td", {}, text));
  return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, count(batch_size)), ...cells);
}
