// Step two: what learns, and for how long. A preset sets everything; the sizes that matter stand open, the rest is folded.

import { complain, complaint, element, setText } from "../../ui/dom.js";
import { isEdited, isTask } from "../../state/state.js";
import { count, inLabels, size } from "../../ui/format.js";
import { choicesView } from "./choices.js";
import { fieldView } from "./field.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../app.js").Lab} Lab */

const ABOUT = /** @type {Record<string, string>} */ ({
  bigram: "One table: which character follows which. Where every course begins.",
  micro: "One transformer block of microgpt: the smallest GPT there is. Made for lists, such as Words.",
  baby: "A tiny GPT that learns to spell within minutes.",
  small: "A GPT of the size a laptop can train over a coffee.",
  "llama-tiny": "What Llama does otherwise, at the size of Small: rotary positions, SwiGLU, shared keys.",
  nano: "The Shakespeare model of nanoGPT. Wants a real GPU.",
  gpt2: "GPT-2 of 124 million parameters. Wants GPT-2's own tokens, a desktop and days.",
  sort: "Puts digits in order. Watch the share of right answers: 99 % within minutes.",
  reverse: "Writes words from behind. The quickest of the tasks.",
  addition: "Adds numbers of three digits, and finds out by itself how to carry.",
});
const NAMES = /** @type {Record<string, string>} */ ({ "llama-tiny": "Llama", gpt2: "GPT-2" });
const OPEN_FIELDS = [
  "model.n_layer", "model.n_head", "model.n_embd", "model.block_size", "train.steps", "train.batch_size",
  "optim.learning_rate", "train.seed",
];
// What belongs together, by the beginnings of fields' names; a field stands in the first group that names it.
const GROUPS = /** @type {[string, string[]][]} */ ([
  ["Text", ["data."]],
  ["Model", ["model.kind", "model.mlp", "model.logit", "model.bias", "model.tie", "model.init", "model.dtype"]],
  ["Norms", ["model.norm"]],
  ["Positions", ["model.positions", "model.rope"]],
  ["Attention", ["model.n_kv_head", "model.window", "model.qk_norm", "model.attention"]],
  ["Dropout", ["model."]],
  ["Optimizer", ["optim."]],
  ["Training", ["train."]],
]);
// The text is chosen above, a page names no files, and the curve shows every step.
const NOT_HERE = new Set(["name", "data.source", "data.tokenizer_file", "train.log_every"]);

/** @param {Lab} lab */
export function modelView(lab) {
  const presets = choicesView("preset", "Start from", choose, true); // once more: back to what the preset says
  const about = element("p", { class: "hint" });
  const grid = element("div", { class: "fields" });
  const hint = element("p", { class: "hint explains", "aria-hidden": "true" });
  const total = element("p", { class: "facts", id: "parameters" });
  const mistake = complaint("model-mistake");
  const rest = element("div", { class: "rest" });
  const more = element("details", { class: "more" }, element("summary", {}, "All settings"), rest);
  const dom = element("div", {}, presets.dom, about, grid, total, mistake, more, hint);
  /** @type {ReturnType<typeof fieldView>[]} */
  const fields = [];
  /** @type {Record<string, import("../../transport/protocol.js").Experiment>|undefined} */
  let known;

  /** A preset for a task brings its task along.
   * @param {string} name */
  function choose(name) {
    lab.dispatch({ type: "choose_preset", name });
    const text = known?.[name]?.data.source ?? "";
    if (!isTask(text)) return;
    lab.dispatch({ type: "choosing_text", choice: text });
    lab.send({ type: "choose_text", name: text, built_in: true });
  }

  /** @param {State} state */
  function build(state) {
    const byName = new Map(state.about?.fields.map((field) => [field.field, field]));
    const make = (/** @type {string} */ name) => {
      const field = byName.get(name);
      byName.delete(name);
      if (!field) return null;
      const view = fieldView(field, lab);
      view.control.addEventListener("focus", () => setText(hint, view.help));
      view.dom.addEventListener("pointerenter", () => setText(hint, view.help));
      fields.push(view);
      return view.dom;
    };
    grid.append(...OPEN_FIELDS.map(make).filter((dom) => dom !== null));
    for (const [title, beginnings] of GROUPS) {
      const belongs = (/** @type {string} */ name) => beginnings.some((beginning) => name.startsWith(beginning));
      const names = [...byName.keys()].filter((name) => belongs(name) && !NOT_HERE.has(name));
      rest.append(element("h3", {}, title), element("div", { class: "fields" }, ...names.map(make)));
    }
    setText(hint, "Point at a setting, or go into it, and it explains itself here.");
  }

  return {
    dom,
    /** @param {State} state */
    sync(state) {
      if (!state.about) return;
      if (!fields.length) build(state);
      known = state.about.presets;
      const names = Object.keys(known);
      presets.sync(names.map((name) => [name, NAMES[name] ?? name.charAt(0).toUpperCase() + name.slice(1)]), state.preset);
      setText(about, `${ABOUT[state.preset] ?? ""}${isEdited(state) ? " Changed by you." : ""}`);
      for (const field of fields) field.sync(state);
      // A mistake in a folded field must not hide.
      if (rest.querySelector("[aria-invalid]") && !more.open) more.open = true;
      const { checked } = state;
      setText(total, checked ? `${count(checked.parameters)} parameters, about ${size(checked.bytes)} to train` : "\u00a0");
      complain(mistake, inLabels(state.mistakes.model ?? ""));
    },
  };
}
