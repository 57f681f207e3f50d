// The place Write: one or two models continue a prompt; Escape stops.

import { showError, errorPlace, element, isComposing, setAttribute, setText, show } from "../../ui/dom.js";
import { labels } from "../../ui/labels.js";
import { numberInput, readField } from "../../ui/number_input.js";
import { describe, makeControl } from "../train/field.js";
import { paneView } from "./pane.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { sampling: words } = labels;
const LENGTH = "max_new_tokens";
const MAIN_SETTINGS = ["temperature", "top_k"]; // the other settings of the sampler are folded away
const STEPS = /** @type {Record<string, number>} */ ({ top_p: 0.05, min_p: 0.01, repetition_penalty: 0.1 }); // of the arrow keys
const WARMEST = 2; // end of the temperature's slider: higher temperatures give only noise

/** @param {Controller} controller */
export function writeView(controller) {
  const prompt = element("textarea", {
    id: "prompt", rows: 2, spellcheck: "false", dir: "auto", translate: "no", placeholder: words.placeholder,
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
      event.preventDefault();
      start();
    },
  });
  /** @type {Map<string, HTMLInputElement>} the controls of the sampler's numbers, by name */
  const dials = new Map();
  /** @type {Map<string, HTMLElement>} the places of their errors */
  const mistakes = new Map();
  const length = numberInput({ id: "length", value: 300 }, { whole: true, minimum: 1 });
  const end = element("input", { id: "stop-text", type: "text", dir: "auto", translate: "no", spellcheck: "false", autocomplete: "off" });
  const first = element("div", { class: "fields dials" }, number(length, LENGTH, words.length));
  const finer = element("div", { class: "fields" }, dial(end, "stop", words.stop));
  const folded = element("details", { class: "more finer" }, element("summary", {}, words.finer), finer);
  const go = element("button", { id: "sample", type: "submit", class: "button primary" }, words.go);
  const halt = element("button", { id: "stop-sampling", type: "button", class: "button", onclick: stop, hidden: true }, words.halt);
  const mistake = errorPlace("prompt-mistake");
  const note = element("p", { class: "hint" });
  const panes = [paneView(controller, 0), paneView(controller, 1)];
  const form = element("form", { novalidate: true, onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    start();
  } },
  element("label", { for: "prompt", class: "quiet-label" }, words.prompt), prompt, mistake, first,
  folded,
  element("div", { class: "buttons" }, go, halt), note);
  const dom = element("div", { class: "write", id: "write", tabindex: "-1" },
    element("section", { class: "card", "aria-labelledby": "write-title" }, element("h2", { id: "write-title" }, words.title), form),
    element("div", { class: "panes" }, ...panes.map((pane) => pane.dom)));
  let seed = 1;
  let running = false;

  /** @param {State} state */
  function build({ about }) {
    for (const field of about?.sampling ?? []) {
      const name = field.field;
      const specific = name === "seed" ? { id: "sample-seed", placeholder: words.newSeed }
        : { id: name.replaceAll("_", "-"), value: String(field.default) };
      const control = name === "temperature"
        // The value comes last: until a slider has its own step, it rounds to whole numbers.
        ? element("input", { type: "range", min: field.minimum, max: WARMEST, step: 0.05, ...specific })
        : /** @type {HTMLInputElement} */ (makeControl(field, specific, STEPS[name]));
      const dom = number(control, name, describe(field));
      (MAIN_SETTINGS.includes(name) ? first : finer).insertBefore(dom, (MAIN_SETTINGS.includes(name) ? length : end).parentElement);
      const { special } = field;
      if (!special) continue;
      const note = element("p", { class: "hint note" });
      const explain = () => setText(note, readField(control) === special[0] ? words.special(String(special[0]), special[1]) : "");
      control.addEventListener("input", explain);
      explain();
      dom.append(note);
    }
  }

  /** A dial for a number, with a place for an error.
   * @param {HTMLInputElement} control @param {string} name @param {string} title */
  function number(control, name, title) {
    const place = errorPlace(`${control.id}-mistake`);
    dials.set(name, control);
    mistakes.set(name, place);
    const dom = dial(control, name, title);
    dom.append(place);
    return dom;
  }

  function start() {
    if (running || !panes.some((pane) => pane.possible)) return;
    running = true; // before the next redraw
    const settings = Object.fromEntries([...dials].map(([name, control]) =>
      [name, name === "seed" && control.value.trim() === "" ? seed : readField(control)]));
    const wanted = /** @type {import("./pane.js").Wanted} */ ({
      prompt: prompt.value, ...settings, stop: end.value ? [end.value.replaceAll("\\n", "\n")] : [],
    });
    for (const pane of panes) pane.write(wanted);
    seed += 1;
  }

  function stop() {
    for (const pane of panes) pane.stop();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !isComposing(event)) stop();
  });

  return {
    dom,
    /** @param {State} state */
    sync(state) {
      if (!dials.has("seed") && state.about) build(state);
      for (const pane of panes) pane.sync(state);
      running = panes.some((pane) => pane.running);
      const possible = panes.some((pane) => pane.possible);
      if (go.disabled !== (!possible || running)) go.disabled = !possible || running;
      if (halt.hidden && running && document.activeElement === go) queueMicrotask(() => halt.focus());
      const handBack = !halt.hidden && !running && document.activeElement === halt;
      show(halt, running);
      if (handBack) go.focus();
      setText(note, possible ? "" : words.noModel);
      show(note, !possible);
      showError(mistake, state.errors.prompt, prompt);
      for (const [name, place] of mistakes) showError(place, state.errors[`sample:${name}`], dials.get(name));
      if (finer.querySelector("[aria-invalid]") && !folded.open) folded.open = true;
    },
  };
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
