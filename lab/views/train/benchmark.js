// A benchmark of the device in one minute: its peak rate in matrix products, and the speed of each preset.

import { element, errorPlace, setText, show, showError } from "../../ui/dom.js";
import { NONE, count, percent, short } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */
/** @typedef {import("../../transport/messages.js").Measurement} Measurement */

const SECONDS = 60;
const { benchmark: words } = labels;

/** @param {Controller} controller */
export function benchmarkView(controller) {
  let running = false;
  let device = "";
  const open = element("button", { id: "benchmark", class: "button small", onclick: begin }, words.title);
  const peak = element("p", { class: "words", id: "benchmark-peak" });
  const where = element("p", { class: "hint", role: "status", id: "benchmark-where" });
  const mistake = errorPlace("benchmark-mistake");
  const rows = element("tbody", { id: "benchmark-rows", translate: "no" });
  const again = element("button", { type: "button", class: "button small", onclick: begin, hidden: true }, words.again);
  const close = element("button", { type: "submit", class: "button small primary", id: "benchmark-close" }, words.stop);
  const dialog = element("dialog", { class: "question measuring", "aria-label": words.title, onclose: stop },
    element("h2", {}, words.title), peak, where, mistake,
    element("div", { class: "scrolling" }, element("table", { class: "results" },
      element("thead", {}, element("tr", {}, ...words.columns.map((title) => element("th", { scope: "col" }, title)))), rows)),
    element("form", { method: "dialog" }, element("div", { class: "buttons" }, close, again)));

  function begin() {
    controller.dispatch({ type: "benchmarking" });
    controller.send({ type: "benchmark", seconds: SECONDS });
    if (!dialog.open) dialog.showModal();
  }

  function stop() {
    if (running) controller.send({ type: "stop_benchmark" });
  }

  document.body.append(dialog); // not inside the panel of the button, which closes when a dialog opens
  return {
    dom: open,
    /** @param {State} state */
    sync({ benchmark, phase, errors, device: { open: opened, opening } }) {
      const busy = phase === "running" || phase === "starting" || opening || opened === null;
      if (open.disabled !== busy) open.disabled = busy;
      open.title = phase === "running" ? words.pauseFirst : words.about;
      if (!benchmark) return;
      ({ running } = benchmark);
      if (opened) device = opened.name;
      const best = Math.max(0, ...benchmark.results.map((result) => (result.kind === "matmul" ? result.gflops : 0)));
      setText(peak, best ? words.peak(best >= 100 ? count(best) : best.toPrecision(2)) : running ? words.multiplying : "");
      showError(mistake, errors["benchmark"]);
      setText(where, running ? words.running(device) : benchmark.complete ? words.complete(device) : words.ended(device));
      setText(close, running ? words.stop : words.close);
      show(again, !running);
      const presets = benchmark.results.filter((result) => result.kind === "preset");
      if (presets.length < rows.childElementCount) rows.replaceChildren();
      for (const preset of presets.slice(rows.childElementCount)) rows.append(row(preset));
    },
  };
}

/** @param {Measurement} found */
function row({ name, batch_size, milliseconds, tokens_per_second, sampled_per_second, share, note }) {
  const cells = note ? [element("td", { colspan: 4, class: "remark" }, note)]
    : [milliseconds.toFixed(milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0), short(tokens_per_second), short(sampled_per_second),
      share ? percent(share) : NONE].map((text) => element("td", {}, text));
  return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, count(batch_size)), ...cells);
}
