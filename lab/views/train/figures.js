// The figures of the run above its chart, and below it their meaning and the other metrics.

import { element, setText, show } from "../../ui/dom.js";
import { NONE, capitalized, count, loss, number, percent, sentence, short, textName } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").RunState} RunState */

const { figures: words } = labels;

// The metrics that are always visible, and their formats; the others are folded, in the order of their declaration.
const MAIN = /** @type {Record<string, (value: number) => string>} */ ({
  loss, val_loss: loss, accuracy: percent, tokens_per_second: (value) => (Number.isFinite(value) ? short(value) : NONE),
});

/** @param {string} metric @param {string} [about] */
function figureView(metric, about = words.about[metric] ?? "") {
  const value = element("dd", { id: metric.replaceAll("_", "-"), translate: "no" }, NONE);
  return { value, dom: element("div", { class: "figure", title: about }, element("dt", {}, words.names[metric] ?? metric), value) };
}

export function figuresView() {
  const main = Object.entries(MAIN).map(([name, write]) => ({ name, write, view: figureView(name) }));
  return {
    dom: element("dl", { class: "figures" }, ...main.map(({ view }) => view.dom)),
    /** @param {State} state */
    sync({ run }) {
      const metrics = run?.metrics ?? {};
      for (const { name, write, view } of main) {
        setText(view.value, write(metrics[name] ?? NaN));
        if (name === "accuracy") show(view.dom, name in metrics);
      }
    },
  };
}

/** Below the chart: what the loss means, what is trained, and the other metrics. */
export function meaningView() {
  const summary = element("p", { id: "summary", class: "hint" });
  const meaning = element("p", { id: "words", class: "words" });
  const finer = element("dl", { class: "figures finer" });
  const more = element("details", { class: "more" }, element("summary", {}, words.finer), finer);
  /** @type {{name: string, view: ReturnType<typeof figureView>}[]} */
  let others = [];
  return {
    dom: element("div", {}, meaning, summary, more),
    /** @param {State} state */
    sync({ run, about, device }) {
      if (!run) return;
      if (about && !others.length) {
        others = about.metrics.filter(({ name }) => !(name in MAIN) && name !== "seconds") // the buttons say how long it takes
         
          .map(({ name, help }) => ({ name, view: figureView(name, sentence(help)) }));
        finer.append(...others.map(({ view }) => view.dom));
      }
      for (const { name, view } of others) setText(view.value, number(run.metrics[name] ?? NaN));
      setText(meaning, meaningOf(run));
      setText(summary, summarize(run, about, device.open?.name ?? labels.device.none));
    },
  };
}

/** The meaning of the loss, compared with random guessing and the n-gram models.
 * @param {RunState} run */
function meaningOf({ metrics, baselines, vocabulary, experiment }) {
  const symbol = words.symbols[experiment.data["tokenizer"]] ?? words.token;
  if (vocabulary === 1) return words.certain(symbol);
  const guessing = Math.log(vocabulary);
  const parts = [words.guessing(count(vocabulary), symbol, guessing.toFixed(2))];
  // Guessing and counting are scored on unseen text, so the model is too, once its first steps were evaluated.
  const value = metrics["val_loss"] ?? metrics["loss"] ?? NaN;
  if (Number.isFinite(value)) {
    const [choices, shown] = [Math.exp(value), value.toFixed(2)];
    const uncertain = () => words.asUncertain(shown, choices < 10 ? choices.toFixed(1) : count(choices), symbol);
    parts.push(value > guessing + 0.05 ? words.worse(shown) : value >= guessing - 0.05 ? words.nothingYet(shown) : uncertain());
  }
  const [unigram, bigram, trigram] = ["unigram", "bigram", "trigram"].map((name) => baselines[name]?.toFixed(2));
  if (unigram && bigram && trigram) parts.push(capitalized(words.baselines(symbol, unigram, bigram, trigram)));
  return parts.join(" ");
}

/** @param {RunState} run @param {State["about"]} about @param {string} device */
function summarize({ experiment, text, parameters }, about, device) {
  const { model, name } = experiment;
  const sizes = about?.models[model["kind"]]?.has_blocks ? words.gpt(model["n_layer"], model["n_head"], model["n_embd"]) : model["kind"];
  return words.summary(name || words.aModel, textName(text), sizes, model["block_size"], count(parameters), device);
}
