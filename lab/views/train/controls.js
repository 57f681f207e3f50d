// Train, Pause, Resume, Stop, and the progress.

import { showError, errorPlace, element, setAttribute, setText, show } from "../../ui/dom.js";
import { isField } from "../../state/state.js";
import { count, duration, roughly } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";
import { changesView } from "./changes.js";

/** @typedef {import("../../state/state.js").State} State */
/** @typedef {import("../../state/state.js").Controller} Controller */

const { controls: words } = labels;
const MORE = [1000, 5000]; // steps with which a finished run can continue

/** @param {Controller} controller */
export function controlsView(controller) {
  const train = element("button", { id: "train", class: "button primary", onclick() {
    refused = true;
    controller.train();
  } }, words.train);
  let refused = false; // whether Train was pressed and a setting is marked: only then a message points to it
  let asked = ""; // status text of a request that is not done yet: a step on a slow device takes a while
  const steer = (/** @type {"pause"|"stop"} */ type, /** @type {string} */ meanwhile) => () => {
    asked = meanwhile;
    controller.send({ type });
    controller.refresh();
  };
  const pause = element("button", { id: "pause", class: "button", onclick: steer("pause", words.pausing) }, words.pause);
  const resume = element("button", { id: "resume", class: "button primary", onclick: () => controller.send({ type: "resume" }) }, words.resume);
  const stop = element("button", { id: "stop", class: "button", onclick: steer("stop", words.stopping) }, words.stop);
  const more = MORE.map((steps) => element("button", {
    id: `more-${steps}`, class: "button", title: words.moreTitle(count(steps)), onclick: () => controller.extend(steps),
  }, words.more(count(steps))));
  const callOff = element("button", { id: "call-off", class: "button", onclick: () => controller.send({ type: "call_off", field: "" }) },
    words.callOff);
  const where = element("p", { class: "where", id: "where" });
  const rule = element("p", { class: "hint rule" }, words.rule);
  const bar = element("progress", { max: 1, value: 0, "aria-label": words.progress });
  const mistake = errorPlace("run-mistake");
  const changes = changesView(controller);
  const dom = element("div", { class: "controls" }, changes.dom,
    element("div", { class: "buttons" }, train, resume, pause, stop, ...more, callOff, where), rule, bar, mistake);
  // On a narrow page the controls are a fixed bar: the style sheet keeps its height free, so that it covers no focus.
  new ResizeObserver(() => {
    const height = getComputedStyle(dom).position === "fixed" ? dom.offsetHeight : 0;
    document.documentElement.style.setProperty("--bar", `${height}px`);
  }).observe(dom);

  return {
    dom,
    /** @param {State} state */
    sync(state) {
      const { phase, run } = state;
      const steps = run?.experiment.train.steps ?? 0;
      const canResume = phase === "paused" || (phase === "stopped" && (run?.step ?? 0) < steps);
      const active = document.activeElement;
      changes.sync(state);
      show(pause, phase === "running");
      show(stop, phase === "running" || phase === "paused");
      show(resume, canResume);
      show(callOff, phase === "starting" && (state.preparing !== null || state.text.facts === null));
      show(train, phase !== "running" && phase !== "paused");
      for (const button of [...more, rule]) show(button, phase === "finished");
      setAttribute(train, "class", canResume ? "button" : "button primary");
      setText(train, phase === "starting" ? words.starting : run ? words.trainNew : words.train);
      // Not disabled while starting, to keep the focus, which then moves to Pause.
      setAttribute(train, "aria-busy", phase === "starting" ? "true" : null);
      setDisabled(train, !state.about || !state.device.open || state.device.opening);
      setDisabled(resume, state.device.opening);
      if (phase !== "running") asked = "";
      setText(where, asked || whereabouts(state));
      setAttribute(bar, "value", phase === "starting" ? (state.preparing?.fraction ?? 0) : run ? run.step / steps : 0);
      const marked = elsewhere(state);
      if (!marked && phase !== "starting") refused = false;
      showError(mistake, state.errors[""] ?? state.errors["lost"] ?? (refused && phase !== "starting" && phase !== "running" ? marked : undefined));
      // If the focused button disappears, move the focus to the button that replaces it.
      if (active instanceof HTMLButtonElement && dom.contains(active) && active.hidden) {
        [pause, resume, train].find((button) => !button.hidden)?.focus();
      }
    },
  };
}

/** @param {State} state */
function whereabouts({ phase, run, preparing, checked, draft, device, fetching, errors }) {
  if (phase === "starting") return preparing?.stage ?? "";
  if (!run && !device.open) return fetching.device || (errors["device"] ? labels.figures.noDevice : labels.figures.openingDevice);
  if (!run) return checked?.seconds && draft ? words.takes(count(draft.train["steps"]), roughly(checked.seconds)) : "";
  const of = words.steps(count(run.step), count(run.experiment.train.steps));
  if (phase === "running") return Number.isFinite(run.seconds_left) ? words.left(of, duration(run.seconds_left)) : of;
  return phase === "none" ? of : words[phase](of);
}

/** A message that points to an invalid setting elsewhere on the page.
 * @param {State} state */
function elsewhere({ errors }) {
  return Object.keys(errors).some(isField) ? words.marked : errors["text"] ? words.markedText : undefined;
}

/** @param {HTMLButtonElement} button @param {boolean} disabled */
function setDisabled(button, disabled) {
  if (button.disabled !== disabled) button.disabled = disabled;
}
