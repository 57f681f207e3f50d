// The settings of the next run, in a drawer: the preset sets all of them; the essential ones come first, the others are folded in
// groups.

import { differences } from "../../state/difference.js";
import { isTask } from "../../state/state.js";
import { element, setAttribute, setText, show } from "../../ui/dom.js";
import { fieldName, presetName } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { radioRow } from "../../ui/radio_row.js";
import { fieldView } from "./field.js";
import { aboutDraft, factsOf } from "./model_choice.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */
/** @typedef {ReturnType<typeof fieldView> & {field: string, words: string}} Field */

const { settings: words } = labels;
const ESSENTIALS = [
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

const NARROW = "(max-width: 47.5em)"; // as in the style sheet

/** @param {Controller} controller */
export function settingsView(controller) {
  const presets = radioRow("preset", words.preset, (name) => controller.dispatch({ type: "choose_preset", name }), true); // again: reset
  const about = element("p", { class: "hint" });
  const search = element("input", {
    type: "search", id: "find-setting", placeholder: words.find, "aria-label": words.find, autocomplete: "off", oninput: () => filter(search.value),
  });
  const grid = element("div", { class: "fields" });
  const rest = element("div", { class: "rest" });
  const nothing = element("p", { class: "hint", hidden: true }, words.nothingFound);
  const hint = element("p", { class: "hint explains", "aria-hidden": "true" }, words.explain);
  const facts = element("p", { class: "facts" });
  const close = element("button", { id: "close-settings", class: "button small primary", onclick: shut }, words.close);
  const dom = element("section", { id: "settings", class: "drawer", "aria-labelledby": "settings-title", tabindex: "-1", hidden: true,
    onkeydown(/** @type {KeyboardEvent} */ event) {
      if (event.key === "Escape" && !event.isComposing) shut();
    } },
  element("div", { class: "drawer-top" }, element("h2", { id: "settings-title" }, words.title), close),
  element("div", { class: "drawer-body" }, presets.dom, about, search, grid, rest, nothing),
  element("div", { class: "drawer-foot" }, hint, facts));
  /** @type {Field[]} */
  const fields = [];
  /** @type {unknown[]} what the fields show */
  let shown = [];
  /** @type {{dom: HTMLDetailsElement, fields: Field[], count: HTMLElement}[]} */
  const groups = [];

  // On a narrow page the drawer covers what has the focus next.
  addEventListener("focusin", ({ target }) => {
    const beside = target instanceof Element && target.closest(".drawer, .controls, .tabs");
    if (!dom.hidden && !beside && matchMedia(NARROW).matches) shut();
  });

  function shut() {
    controller.dispatch({ type: "show_settings", open: false });
  }

  /** @param {State} state */
  function build(state) {
    const byName = new Map(state.about?.fields.map((field) => [field.field, field]));
    const make = (/** @type {string} */ name) => {
      const field = byName.get(name);
      byName.delete(name);
      if (!field) return [];
      const view = fieldView(field, controller);
      view.control.addEventListener("focus", () => setText(hint, view.help));
      view.dom.addEventListener("pointerenter", () => setText(hint, view.help));
      const made = { ...view, field: name, words: `${fieldName(name)} ${name} ${view.help}`.toLowerCase() };
      fields.push(made);
      return [made];
    };
    grid.append(...ESSENTIALS.flatMap(make).map((field) => field.dom));
    const folded = [...byName.keys()].filter((name) => !NOT_HERE.has(name));
    for (const group of /** @type {(keyof typeof words.groups)[]} */ (Object.keys(GROUPS))) {
      const members = folded.filter((name) => groupOf(name) === group).flatMap(make);
      const count = element("span", { class: "dot", hidden: true });
      const details = element("details", { class: "more" }, element("summary", {}, words.groups[group], count),
        element("div", { class: "fields" }, ...members.map((field) => field.dom)));
      groups.push({ dom: details, fields: members, count });
      rest.append(details);
    }
  }

  /** Shows the settings whose name or description has all words of a query. @param {string} query */
  function filter(query) {
    const wanted = query.toLowerCase().split(/\s+/).filter(Boolean);
    const found = new Set(fields.filter((field) => wanted.every((word) => field.words.includes(word))));
    for (const field of fields) show(field.dom, found.has(field));
    for (const { dom: details, fields: members } of groups) {
      const hits = members.filter((field) => found.has(field)).length;
      show(details, hits > 0);
      if (wanted.length) details.open = hits > 0;
    }
    show(nothing, found.size === 0);
  }

  return {
    dom,
    /** @param {State} state */
    sync(state) {
      if (!state.about) return;
      if (!fields.length) build(state);
      const opens = state.settings && dom.hidden;
      const closes = !state.settings && !dom.hidden;
      const inside = dom.contains(document.activeElement);
      show(dom, state.settings);
      if (opens) dom.focus({ preventScroll: true });
      if (closes && inside) document.getElementById("change-model")?.focus();
      // A task brings its own preset: it is chosen with the text, and shown here only then.
      const names = Object.entries(state.about.presets).filter(([name, { data }]) => !isTask(data.source) || name === state.preset).map(([name]) => name);
      presets.sync(names.map((name) => [name, presetName(name)]), state.preset);
      setText(about, aboutDraft(state));
      setText(facts, factsOf(state));
      // While a run trains, nothing of this changes in most frames, and sixty fields take a while.
      const { run, draft, text, preset, errors } = state;
      const now = [run?.experiment, draft, text, preset, errors, state.about, document.activeElement];
      if (now.every((part, index) => part === shown[index])) return;
      shown = now;
      const changed = new Set(differences(state).map(({ field }) => field));
      for (const { field, ...view } of fields) {
        view.sync(state);
        setAttribute(view.dom, "data-changed", changed.has(field));
      }
      for (const { dom: details, fields: members, count } of groups) {
        if (details.querySelector("[aria-invalid]") && !details.open) details.open = true;
        const edited = members.filter((field) => field.dom.hasAttribute("data-edited")).length;
        show(count, edited > 0);
        setText(count, edited ? words.edited(edited) : "");
      }
    },
  };
}

/** @param {string} name */
function groupOf(name) {
  const matching = Object.entries(GROUPS)
    .flatMap(([group, beginnings]) => beginnings.filter((beginning) => name.startsWith(beginning)).map((beginning) => ({ group, beginning })));
  return matching.sort((left, right) => right.beginning.length - left.beginning.length)[0]?.group;
}
