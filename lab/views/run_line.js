// The run under way, in the header of the places that do not show it.

import { element, setText, show } from "../ui/dom.js";
import { count } from "../ui/format.js";
import { labels } from "../ui/labels.js";

/** @param {import("../state/state.js").Controller} controller */
export function runLineView(controller) {
  const name = element("bdi", {}); // on its own, so that a long one is cut, and the step is not
  const step = element("span", {});
  const button = element("button", { class: "button small", onclick: () => controller.send({ type: !onRun ? "continue_queue" : running ? "pause" : "resume" }) });
  const dom = element("p", { class: "run-line", hidden: true }, element("span", { class: "run-words" }, name, step), button);
  let running = false;
  let onRun = false; // whether the button is about the run, and not about a queue that waits to be continued
  return {
    dom,
    /** @param {import("../state/state.js").State} state */
    sync({ place, phase, run, queue }) {
      running = phase === "running";
      onRun = place !== "train" && run !== null && (running || phase === "paused");
      // A queue of an earlier visit is continued from any place.
      const waits = !onRun && !running && queue.paused && queue.runs.length > 0;
      show(dom, onRun || waits);
      if (waits) {
        setText(name, "");
        setText(step, labels.queue.count(queue.runs.length));
        setText(button, labels.queue.goOn);
      }
      if (!onRun || !run) return;
      const others = queue.runs.filter(({ id }) => id !== queue.current).length;
      const line = labels.places.runStep(count(run.step), count(run.experiment.train.steps));
      setText(name, run.experiment.name || run.experiment.model["kind"]);
      setText(step, others ? `${line} · ${labels.queue.count(others)}` : line);
      setText(button, running ? labels.controls.pause : labels.controls.resume);
    },
  };
}
