// Continues a prompt with the model; Escape stops.

import { showError, errorPlace, element, setAttribute, setText, show } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";
import { describe, makeControl } from "./field.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { sampling: words } = labels;
const MAIN_SETTINGS = ["temperature", "top_k"]; // the other settings of the sampler are folded away
// Attributes of the sampler's controls that differ from the setting's description: a slider instead of a number, steps for
// the arrow keys. A limit is where the keys stop (higher temperatures give only noise); any valid number can be typed.
const ATTRIBUTES = /** @type {Record<string, Record<string, string|number>>} */ ({
  temperature: { type: "range", max: 2, step: 0.05 },
  top_p: { min: 0.05, step: 0.05 },
  min_p: { step: 0.01 },
  repetition_penalty: { min: 1, step: 0.1 },
});

/** @param {Controller} controller */
export function sampleView(controller) {
  const prompt = element("textarea", {
    id: "prompt", rows: 2, spellcheck: "false", placeholder: words.placeholder,
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      start();
    },
  });
  /** @type {Map<string, HTMLInputElement>} the controls of the sampler's settings, by name */
  const dials = new Map();
  const length = element("input", { id: "length", type: "number", min: 1, max: 100_000, step: 1, value: 300, inputmode: "numeric" });
  const end = element("input", { id: "stop-text", type: "text", spellcheck: "false", autocomplete: "off" });
  const first = element("div", { class: "fields dials" }, dial(length, "length", words.length));
  const finer = element("div", { class: "fields" }, dial(end, "stop", words.stop));
  const go = element("button", { id: "sample", type: "submit", class: "button primary" }, words.go);
  const halt = element("button", { id: "stop-sampling", type: "button", class: "button", onclick: stop, hidden: true }, words.halt);
  const copy = element("button", {
    id: "copy-answer", type: "button", class: "button", hidden: true, title: words.copyTitle,
    async onclick() {
      try {
        await navigator.clipboard.writeText(answer.textContent ?? "");
        setText(copy, words.copied);
      } catch {
        getSelection()?.selectAllChildren(answer);
        setText(copy, words.selected);
      }
      setTimeout(() => setText(copy, words.copy), 2000);
    },
  }, words.copy);
  const mistake = errorPlace("prompt-mistake");
  const given = element("span", { class: "given" });
  const made = element("span", { class: "made" });
  const answer = element("p", { id: "answer", class: "prose answer", hidden: true }, given, made);
  const note = element("p", { class: "hint" });
  const form = element("form", { novalidate: true, onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    start();
  } },
  element("label", { for: "prompt", class: "quiet-label" }, words.prompt), prompt, mistake, first,
  element("details", { class: "more finer" }, element("summary", {}, words.finer), finer),
  element("div", { class: "buttons" }, go, halt, copy, note), answer);
  let seed = 1;
  let running = false;
  let possible = false;

  /** @param {State} state */
  function build({ about }) {
    for (const field of about?.sampling ?? []) {
      const name = field.field;
      const specific = name === "seed" ? { id: "sample-seed", placeholder: words.newSeed }
        : { id: name.replaceAll("_", "-"), value: String(field.default) };
      const control = /** @type {HTMLInputElement} */ (makeControl(field, { min: field.minimum, max: field.maximum, ...specific }));
      for (const [attribute, value] of Object.entries(ATTRIBUTES[name] ?? {})) setAttribute(control, attribute, value);
      dials.set(name, control);
      (MAIN_SETTINGS.includes(name) ? first : finer).insertBefore(dial(control, name, describe(field)),
        (MAIN_SETTINGS.includes(name) ? length : end).parentElement);
    }
  }

  function start() {
    if (!possible || running) return;
    running = true; // before the next redraw
    const settings = Object.fromEntries([...dials].map(([name, control]) =>
      [name, name === "seed" && control.value === "" ? seed : numberOf(control)]));
    controller.dispatch({ type: "sampling", prompt: prompt.value });
    controller.send(/** @type {import("../../transport/messages.js").SampleCommand} */ ({
      type: "sample", prompt: prompt.value, max_new_tokens: numberOf(length), ...settings,
      stop: end.value ? [end.value.replaceAll("\\n", "\n")] : [],
    }));
    seed += 1;
  }

  function stop() {
    if (running) controller.send({ type: "stop_sampling" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") stop();
  });

  return {
    dom: form,
    /** @param {State} state */
    sync(state) {
      if (!dials.size && state.about) build(state);
      running = state.answer.running;
      possible = state.run !== null && state.phase !== "starting";
      if (go.disabled !== (!possible || running)) go.disabled = !possible || running;
      if (halt.hidden && running && document.activeElement === go) queueMicrotask(() => halt.focus());
      const handBack = !halt.hidden && !running && document.activeElement === halt;
      show(halt, running);
      if (handBack) go.focus();
      show(copy, !running && state.answer.text !== "");
      setText(note, possible ? "" : words.noModel);
      showError(mistake, state.errors.prompt, prompt);
      show(answer, running || state.answer.text !== "");
      setText(given, state.answer.prompt);
      append(made, state.answer.text);
      setAttribute(answer, "aria-busy", running ? "true" : null);
    },
  };
}

/** The number in a control, rounded down if it must be whole.
 * @param {HTMLInputElement} control */
function numberOf({ value, step }) {
  return step === "1" ? Math.floor(Number(value)) : Number(value);
}

/** A control below its name; a slider shows its value beside the name.
 * @param {HTMLInputElement} control @param {string} name @param {string} title */
function dial(control, name, title) {
  const label = element("label", { for: control.id }, words.names[name] ?? name);
  if (control.type === "range") {
    const shown = element("output", { for: control.id }, control.value);
    control.addEventListener("input", () => setText(shown, control.value));
    label.append(" ", shown);
  }
  return element("div", { class: "field", title }, label, control);
}

/** Appends the new part of a text instead of setting the whole text.
 * @param {HTMLElement} dom @param {string} text */
function append(dom, text) {
  const before = dom.textContent ?? "";
  if (text === before) return;
  if (before !== "" && text.startsWith(before)) dom.append(text.slice(before.length));
  else setText(dom, text);
}
