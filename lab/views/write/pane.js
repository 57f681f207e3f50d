// One text of the place Write: which model writes it, at which of its steps, and what it wrote.

import { element, setAttribute, setText, show } from "../../ui/dom.js";
import { count, textName } from "../../ui/format.js";
import { growingText } from "../../ui/growing_text.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */
/** @typedef {Omit<import("../../transport/messages.js").SampleCommand, "type">} Wanted  a prompt and the settings of the sampler */

const { sampling: words } = labels;
const HERE = "here"; // the run on the page, which is sampled as it is now
const NONE = "";
const NEWEST = "-1";

/**
 * The first pane writes from the run on the page unless another is chosen, the second from none.
 * @param {Controller} controller @param {0|1} slot  of `write`
 */
export function paneView(controller, slot) {
  const suffix = slot ? "-2" : "";
  const which = element("select", { id: `writer${suffix}`, "aria-label": slot ? words.beside : words.model, onchange: () => choose(which.value) });
  const steps = element("select", { id: `writer-step${suffix}`, "aria-label": words.step });
  const given = element("span", { class: "given" });
  const made = growingText("made");
  const answer = element("p", { id: `answer${suffix}`, class: "prose answer", dir: "auto", translate: "no", hidden: true }, given, made.dom);
  const empty = element("p", { class: "hint" }, slot ? words.emptyBeside : words.empty);
  const copy = element("button", {
    id: `copy-answer${suffix}`, type: "button", class: "button small", hidden: true, title: words.copyTitle,
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
  let chosen = slot ? NONE : HERE;
  let asked = ""; // the prompt of a kept run's text
  let running = false;
  let possible = false;
  let known = ""; // the options that are shown

  /** @param {string} copyOfRun */
  function choose(copyOfRun) {
    chosen = copyOfRun;
    if (chosen !== HERE && chosen !== NONE) controller.send({ type: "read_run", copy: chosen });
    controller.refresh();
  }

  /** @param {State} state */
  function syncOptions({ run, runs, read }) {
    const offered = [
      ...(slot ? [[NONE, words.noModelBeside]] : []),
      ...(run ? [[HERE, words.with(run.experiment.name || run.experiment.model["kind"], textName(run.text), count(run.step))]] : []),
      ...runs.filter(({ id }) => slot === 1 || id !== run?.id).map(({ copy: each, id, name, text, step }) =>
        [each, words.with(name, textName(text), count(id === run?.id ? run.step : step))]),
    ];
    if (!offered.some(([value]) => value === chosen)) chosen = offered[0]?.[0] ?? NONE;
    const checkpoints = read[chosen]?.checkpoints ?? [];
    const key = JSON.stringify([offered, checkpoints]);
    if (key !== known) {
      known = key;
      const before = steps.value;
      which.replaceChildren(...offered.map(([value, text]) => element("option", { value }, text)));
      const offeredSteps = [[NEWEST, words.newest], ...checkpoints.slice(0, -1).reverse().map((step) => [String(step), words.atStep(count(step))])];
      steps.replaceChildren(...offeredSteps.map(([value, text]) => element("option", { value }, text)));
      if (offeredSteps.some(([value]) => value === before)) steps.value = before;
    }
    if (which.value !== chosen) which.value = chosen;
    show(steps, checkpoints.length > 1);
  }

  return {
    dom: element("section", { class: "card result", "aria-label": slot ? words.resultBeside : words.result },
      element("div", { class: "writer" }, which, steps), empty, answer, element("div", { class: "buttons" }, copy)),
    get running() {
      return running;
    },
    get possible() {
      return possible;
    },
    /** Asks the chosen model, if there is one. @param {Wanted} wanted */
    write(wanted) {
      if (chosen === NONE || !possible) return;
      running = true; // before the next redraw
      if (chosen === HERE) {
        controller.dispatch({ type: "sampling", prompt: wanted.prompt });
        controller.send({ type: "sample", ...wanted });
        return;
      }
      asked = wanted.prompt;
      controller.dispatch({ type: "writing", slot });
      controller.send({ type: "write", slot, copy: chosen, step: Number(steps.value || NEWEST), ...wanted });
    },
    stop() {
      if (running) controller.send(chosen === HERE ? { type: "stop_sampling" } : { type: "stop_writing", slot });
    },
    /** @param {State} state */
    sync(state) {
      syncOptions(state);
      const shown = chosen === HERE ? state.answer : { ...state.written[slot], prompt: asked };
      const { text = "" } = shown;
      running = shown.running ?? false;
      possible = chosen === HERE ? state.run !== null && state.phase !== "starting" : chosen !== NONE && state.device.open !== null;
      show(copy, !running && text !== "");
      show(empty, !running && text === "");
      show(answer, running || text !== "");
      setText(given, shown.prompt);
      made.set(text);
      setAttribute(answer, "aria-busy", running ? "true" : null);
    },
  };
}
