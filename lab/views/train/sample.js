// The model continues what one writes. Escape stops it.

import { complain, complaint, element, setAttribute, setText, show } from "../../ui/dom.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../app.js").Lab} Lab */

/** @param {Lab} lab */
export function askView(lab) {
  const prompt = element("textarea", {
    id: "prompt", rows: 2, spellcheck: "false", placeholder: "Once upon a time",
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      ask();
    },
  });
  const temperature = element("input", {
    id: "temperature", type: "range", min: 0, max: 2, step: 0.05, value: 0.8, oninput: () => setText(shown, temperature.value),
  });
  const shown = element("output", { for: "temperature" }, "0.8");
  const topK = element("input", { id: "top-k", type: "number", min: 0, max: 100_000, step: 1, value: 0, inputmode: "numeric" });
  const length = element("input", { id: "length", type: "number", min: 1, max: 100_000, step: 1, value: 300, inputmode: "numeric" });
  const topP = element("input", { id: "top-p", type: "number", min: 0.01, max: 1, step: 0.05, value: 1, inputmode: "decimal" });
  const minP = element("input", { id: "min-p", type: "number", min: 0, max: 1, step: 0.01, value: 0, inputmode: "decimal" });
  const penalty = element("input", {
    id: "repetition-penalty", type: "number", min: 1, max: 10, step: 0.1, value: 1, inputmode: "decimal",
  });
  const end = element("input", { id: "stop-text", type: "text", spellcheck: "false", autocomplete: "off" });
  const seedField = element("input", { id: "sample-seed", type: "number", min: 0, max: 2 ** 32 - 1, step: 1, placeholder: "a new one each time" });
  const go = element("button", { id: "sample", type: "submit", class: "button primary" }, "Continue");
  const halt = element("button", { id: "stop-sampling", type: "button", class: "button", onclick: stop, hidden: true }, "Stop");
  const copy = element("button", {
    id: "copy-answer", type: "button", class: "button", hidden: true, title: "The prompt and what the model wrote after it",
    async onclick() {
      try {
        await navigator.clipboard.writeText(answer.textContent ?? "");
        setText(copy, "Copied");
      } catch {
        getSelection()?.selectAllChildren(answer);
        setText(copy, "Selected");
      }
      setTimeout(() => setText(copy, "Copy"), 2000);
    },
  }, "Copy");
  const mistake = complaint("prompt-mistake");
  const given = element("span", { class: "given" });
  const made = element("span", { class: "made" });
  const answer = element("p", { id: "answer", class: "prose answer", hidden: true }, given, made);
  const note = element("p", { class: "hint" });
  const form = element("form", { class: "ask", novalidate: true, onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    ask();
  } },
  element("label", { for: "prompt", class: "quiet-label" }, "Begin with"), prompt, mistake,
  element("div", { class: "fields dials" },
    element("div", { class: "field", title: "How daring: 0 always takes the likeliest symbol, above 1 it rambles." },
      element("label", { for: "temperature" }, "Temperature ", shown), temperature),
    element("div", { class: "field", title: "Choose among the k likeliest symbols only; 0 means all." },
      element("label", { for: "top-k" }, "Top-k"), topK),
    element("div", { class: "field", title: "How many symbols to write." }, element("label", { for: "length" }, "Length"), length)),
  element("details", { class: "more finer" }, element("summary", {}, "Finer control"),
    element("div", { class: "fields" },
      dial(topP, "Top-p", "Choose among the likeliest symbols that together have this share of the odds; 1 means all."),
      dial(minP, "Min-p", "Choose among symbols at least so many times as likely as the likeliest; 0 means all."),
      dial(penalty, "Repetition penalty", "Above 1, symbols of the text it has just read become less likely."),
      dial(end, "Stop at", "End right before this text. \\n means the end of a line."),
      dial(seedField, "Seed", "The same seed, prompt and settings write the same text. Empty: a new one each time."))),
  element("div", { class: "buttons" }, go, halt, copy, note), answer);
  let seed = 1;
  let running = false;
  let possible = false;

  function ask() {
    if (!possible || running) return;
    lab.dispatch({ type: "sampling", prompt: prompt.value });
    lab.send({
      type: "sample", prompt: prompt.value, max_new_tokens: Math.floor(Number(length.value)), temperature: Number(temperature.value),
      top_k: Math.floor(Number(topK.value)), top_p: Number(topP.value), min_p: Number(minP.value),
      repetition_penalty: Number(penalty.value), stop: end.value ? [end.value.replaceAll("\\n", "\n")] : [],
      seed: seedField.value === "" ? seed : Math.floor(Number(seedField.value)),
    });
    seed += 1;
  }

  function stop() {
    if (running) lab.send({ type: "stop_sampling" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") stop();
  });

  return {
    dom: form,
    /** @param {State} state */
    sync(state) {
      running = state.answer.running;
      possible = state.run !== null && state.phase !== "starting";
      if (go.disabled !== (!possible || running)) go.disabled = !possible || running;
      if (halt.hidden && running && document.activeElement === go) queueMicrotask(() => halt.focus());
      const handBack = !halt.hidden && !running && document.activeElement === halt;
      show(halt, running);
      if (handBack) go.focus();
      show(copy, !running && state.answer.text !== "");
      setText(note, possible ? "" : "Train a model, or open one, first.");
      complain(mistake, state.mistakes.prompt, prompt);
      show(answer, running || state.answer.text !== "");
      setText(given, state.answer.prompt);
      append(made, state.answer.text);
      setAttribute(answer, "aria-busy", running ? "true" : null);
    },
  };
}

/** @param {HTMLInputElement} control @param {string} name @param {string} title */
function dial(control, name, title) {
  return element("div", { class: "field", title }, element("label", { for: control.id }, name), control);
}

/** Adds what came, rather than setting the whole text again.
 * @param {HTMLElement} dom @param {string} text */
function append(dom, text) {
  const before = dom.textContent ?? "";
  if (text === before) return;
  if (before !== "" && text.startsWith(before)) dom.append(text.slice(before.length));
  else setText(dom, text);
}
