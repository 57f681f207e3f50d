// The figures of the run: loss, validation loss, speed, time left; and the loss in words.

import { element, setAttribute, setText, show } from "../../ui/dom.js";
import { count, counting, duration, inWords, loss, percent, short } from "../../ui/format.js";

/** @typedef {import("../../state/state.js").State} State */

export function figuresView() {
  const figure = (/** @type {string} */ id, /** @type {string} */ name, /** @type {string} */ title) => {
    const value = element("dd", { id }, "–");
    return { value, dom: element("div", { class: "figure", title }, element("dt", {}, name), value) };
  };
  const training = figure("loss", "Training loss", "How surprised the model is by the text it learns from. Lower is better.");
  const validation = figure("val-loss", "Validation loss",
    "The same for text it has never seen. If this rises while training falls, the model is memorising.");
  const right = figure("accuracy", "Right answers",
    "The share of questions it has never seen whose whole answer was right at the last evaluation.");
  const speed = figure("speed", "Tokens/s", "Characters, bytes, or pieces of words, it learns from each second.");
  const left = figure("time-left", "Time left", "At the present speed.");
  const words = element("p", { id: "words", class: "words" });
  const summary = element("p", { id: "summary", class: "hint" });
  const list = element("dl", { class: "figures" }, training.dom, validation.dom, right.dom, speed.dom, left.dom);
  return {
    dom: element("div", {}, list, words, summary),
    /** @param {State} state */
    sync(state) {
      const { run, phase } = state;
      const current = run && phase !== "none";
      setText(training.value, current ? loss(run.loss) : "–");
      setText(validation.value, current ? loss(run.val_loss) : "–");
      const scored = Boolean(current && Number.isFinite(run.accuracy));
      show(right.dom, scored);
      setAttribute(list, "data-scored", scored);
      setText(right.value, current ? percent(run.accuracy) : "–");
      setText(speed.value, current && Number.isFinite(run.tokens_per_second) ? short(run.tokens_per_second) : "–");
      setText(left.value, phase === "running" ? duration(run?.seconds_left ?? NaN) : phase === "finished" ? "done" : "–");
      if (current) {
        const symbol = SYMBOLS[run.experiment.data.tokenizer] ?? "token";
        const found = inWords(Number.isFinite(run.loss) ? run.loss : run.val_loss, run.vocabulary, symbol);
        setText(words, [found, counting(run.baselines, symbol)].filter(Boolean).join(" "));
        setText(summary, `${describe(run)}, on ${state.device.open?.name ?? "no device"}`);
      } else {
        setText(words, "Press Train. The model starts by guessing blindly; watch its loss fall as it learns the text.");
        setText(summary, state.device.open && !state.device.opening ? `It will train on ${state.device.open.name}.` : "Opening a device…");
      }
    },
  };
}

const SYMBOLS = /** @type {Record<string, string>} */ ({ byte: "byte", char: "character" });

/** @param {number} number @param {string} what */
function counted(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** @param {import("../../transport/protocol.js").RunFacts} run */
function describe(run) {
  const { model } = run.experiment;
  const sizes = model.kind === "gpt" ? `${counted(model.n_layer, "layer")}, ${counted(model.n_head, "head")}, width ${model.n_embd}, ` : "bigram, ";
  return `${run.experiment.name || "A model"} on ${run.text}: ${sizes}context ${model.block_size}, ${count(run.parameters)} parameters`;
}
