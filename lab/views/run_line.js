// The run under way, in the header of the places that do not show it.

import { element, setText, show } from "../ui/dom.js";
import { count } from "../ui/format.js";
import { labels } from "../ui/labels.js";

/** @param {import("../state/state.js").Controller} controller */
export function runLineView(controller) {
  const words = element("span", {});
  const button = element("button", { class: "button small", onclick: () => controller.send({ type: running ? "pause" : "resume" }) });
  const dom = element("p", { class: "run-line", hidden: true }, words, button);
  let running = false;
  return {
    dom,
    /** @param {import("../state/state.js").State} state */
    sync({ place, phase, run }) {
      const here = place === "train" || !run || (phase !== "running" && phase !== "paused");
      show(dom, !here);
      if (here || !run) return;
      running = phase === "running";
      setText(words, labels.places.runLine(run.experiment.name || run.experiment.model["kind"], count(run.step), count(run.experiment.train.steps)));
      setText(button, running ? labels.controls.pause : labels.controls.resume);
    },
  };
}
