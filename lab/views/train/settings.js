// The model and its training settings. A preset sets all of them; only the main ones are always visible.

import { differences } from "../../state/difference.js";
import { isKeptNowhere } from "../../state/unsaved.js";
import { showError, errorPlace, element, setAttribute, setText } from "../../ui/dom.js";
import { isEdited, isTask } from "../../state/state.js";
import { capitalized, count, roughly, size, withFieldNames } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { radioRow } from "../../ui/radio_row.js";
import { fieldView } from "./field.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { model: words } = labels;
const OPEN_FIELDS = [
  "model.n_layer", "model.n_head", "model.n_embd", "model.block_size", "train.steps", "train.batch_size",
  "optim.learning_rate", "train.seed",
];
// The groups of the folded settings, by prefixes of their names; the longest matching prefix decides.
const GROUPS = /** @type {Record<keyof typeof words.groups, string[]>} */ ({
  text: ["data."],
  model: ["model."],
  norms: ["model.norm"],
  positions: ["model.positions", "model.rope"],
  attention: ["model.n_kv_head", "model.window", "model.qk_norm", "model.qkv_bias", "model.head_dim", "model.attention"],
  dropout: ["model.dropout"],
  optimizer: ["optim."],
  training: ["train."],
});
// Not shown: the text has its own control, a page has no files to name, and the curve shows every step.
const NOT_HERE = new Set(["name", "data.source", "data.tokenizer_file", "train.log_every"]);

/** @param {Controller} controller */
export function settingsView(controller) {
  const presets = radioRow("preset", words.choose, choose, true); // choosing it again resets the settings
  const about = element("p", { class: "hint" });
  const grid = element("div", { class: "fields" });
  const hint = element("p", { class: "hint explains", "aria-hidden": "true" });
  const total = element("p", { class: "facts", id: "parameters" });
  const mistake = errorPlace("model-mistake");
  const rest = element("div", { class: "rest" });
  const more = element("details", { class: "more" }, element("summary", {}, words.all), rest);
  const dom = element("div", {}, presets.dom, about, grid, total, mistake, more, hint);
  /** @type {(ReturnType<typeof fieldView> & {name: string})[]} */
  const fields = [];
  /** @type {Record<string, import("../../transport/messages.js").Experiment>|undefined} */
  let known;

  /** A preset for a task also selects that task.
   * @param {string} name */
  function choose(name) {
    controller.dispatch({ type: "choose_preset", name });
    const text = known?.[name]?.data.source ?? "";
    if (!isTask(text)) return;
    controller.dispatch({ type: "choosing_text", choice: text });
    controller.send({ type: "choose_text", name: text, built_in: true });
  }

  /** @param {State} state */
  function build(state) {
    const byName = new Map(state.about?.fields.map((field) => [field.field, field]));
    const make = (/** @type {string} */ name) => {
      const field = byName.get(name);
      byName.delete(name);
      if (!field) return null;
      const view = fieldView(field, controller);
      view.control.addEventListener("focus", () => setText(hint, view.help));
      view.dom.addEventListener("pointerenter", () => setText(hint, view.help));
      fields.push({ ...view, name });
      return view.dom;
    };
    grid.append(...OPEN_FIELDS.map(make).filter((dom) => dom !== null));
    const folded = [...byName.keys()].filter((name) => !NOT_HERE.has(name));
    for (const group of /** @type {(keyof typeof words.groups)[]} */ (Object.keys(GROUPS))) {
      const names = folded.filter((name) => groupOf(name) === group);
      rest.append(element("h3", {}, words.groups[group]), element("div", { class: "fields" }, ...names.map(make)));
    }
    setText(hint, words.explain);
  }

  return {
    dom,
    /** @param {State} state */
    sync(state) {
      if (!state.about) return;
      if (!fields.length) build(state);
      known = state.about.presets;
      const names = Object.keys(known);
      presets.sync(names.map((name) => [name, words.names[name] ?? capitalized(name)]), state.preset);
      setText(about, [words.about[state.preset], isEdited(state) && words.changed].filter(Boolean).join(" "));
      const changed = new Set(differences(state).map(({ field }) => field));
      for (const field of fields) {
        field.sync(state);
        setAttribute(field.dom, "data-changed", changed.has(field.name));
      }
      // Unfold the settings if one of them is invalid.
      if (rest.querySelector("[aria-invalid]") && !more.open) more.open = true;
      const { checked } = state;
      const needs = checked ? words.parameters(count(checked.parameters), size(checked.bytes)) : "\u00a0";
      const sizes = checked && !isKeptNowhere(state) ? words.withCopies(needs) : needs;
      const facts = checked?.seconds ? words.takes(sizes, roughly(checked.seconds)) : sizes;
      setText(total, checked && changed.size ? labels.changes.next(facts) : facts);
      showError(mistake, withFieldNames(state.errors.model ?? ""));
    },
  };
}

/** @param {string} name */
function groupOf(name) {
  const matching = Object.entries(GROUPS)
    .flatMap(([group, beginnings]) => beginnings.filter((beginning) => name.startsWith(beginning)).map((beginning) => ({ group, beginning })));
  return matching.sort((left, right) => right.beginning.length - left.beginning.length)[0]?.group;
}
