// The verdict on the run: a sentence of the package, and a button that does what it says.

import { element, setAttribute, setText, show } from "../../ui/dom.js";
import { count, number } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { verdict: words } = labels;
const MORE = 5000; // steps
const DROPOUT = 0.2;
const SLOWER = 1 / 3; // of the learning rate

/** @param {Controller} controller */
export function verdictView(controller) {
  const sentence = element("p", { id: "verdict", role: "status" });
  let act = () => {};
  const button = element("button", { id: "verdict-action", class: "button small", onclick: () => act() });
  const train = (/** @type {string} */ field, /** @type {number} */ value) => () => {
    controller.undo(); // the advice is about the run, not about a draft
    controller.dispatch({ type: "edit", field, value });
    controller.train();
  };
  return {
    dom: element("div", { class: "verdict" }, sentence, button),
    /** @param {State} state */
    sync({ verdict, run, phase }) {
      const busy = phase === "running" || phase === "starting";
      const rate = Number((SLOWER * (run?.experiment.optim["learning_rate"] ?? 0)).toPrecision(2));
      const actions = /** @type {Record<string, [text: string, act: () => void, possible: boolean]>} */ ({
        "more steps": [words.more(count(MORE)), () => controller.extend(MORE), phase === "finished"],
        "lower rate": [words.lowerRate(number(rate)), train("optim.learning_rate", rate), rate > 0 && phase !== "starting"],
        dropout: [words.dropout(String(DROPOUT)), train("model.dropout", DROPOUT), !busy && run?.experiment.model["dropout"] < DROPOUT],
        stop: [words.stop, () => controller.send({ type: "stop" }), phase === "running" || phase === "paused"],
        write: [words.write, () => controller.go("write"), true],
      });
      const [text = "", action = () => {}, possible = false] = actions[verdict?.advice ?? ""] ?? [];
      setText(sentence, verdict?.sentence ?? "");
      setAttribute(sentence, "data-kind", verdict?.kind);
      setText(button, text);
      show(button, possible);
      act = action;
    },
  };
}
