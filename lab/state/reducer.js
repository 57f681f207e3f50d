// The effect of each action on the state, as pure functions. reducers/ has those of the parts of the state.

import { labels } from "../ui/labels.js";
import { placeOf, staying, without } from "./errors.js";
import { DRAFT } from "./reducers/draft.js";
import { QUEUE } from "./reducers/queue.js";
import { RUN } from "./reducers/run.js";
import { RUNS } from "./reducers/runs.js";
import { SHARING } from "./reducers/sharing.js";
import { FIRST_PRESET, sameDraft } from "./state.js";
import { answered } from "./waiting.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Action} Action */
/** @typedef {{[Type in Action["type"]]: (state: State, action: Extract<Action, {type: Type}>) => State}} AllHandlers */
/** @typedef {Partial<AllHandlers>} Handlers */

const { notices } = labels;

/** @type {AllHandlers} */
const HANDLERS = {
  ...DRAFT,
  ...RUN,
  ...RUNS,
  ...SHARING,
  ...QUEUE,
  // Once the lab is open, progress is shown at the control that waits: at the buttons, below the texts or the devices.
  loading: (state, { stage, fraction, field }) => {
    if (state.phase === "starting") return { ...state, preparing: { stage, fraction } };
    if (state.about) return { ...state, fetching: { ...state.fetching, [field === "device" ? "device" : "text"]: `${stage}…` } };
    return state.loading?.failed ? state : { ...state, loading: { stage, fraction } };
  },
  ready: (state, ready) => ({
    ...state, loading: null, about: ready, draft: state.draft ?? ready.presets[FIRST_PRESET] ?? null, notice: notices.ready,
  }),
  sampled: (state, { text, done }) => {
    const { asked, ...shown } = state.answer;
    const before = asked === null ? shown : { prompt: asked, text: "" };
    const answer = { ...before, text: before.text + text, running: !done, asked: null };
    return { ...state, answer, notice: done ? notices.sampled : state.notice };
  },
  measured: (state, { result }) => (state.benchmark
    ? { ...state, benchmark: { ...state.benchmark, results: [...state.benchmark.results, result] } } : state),
  measuring_ended: (state, { complete }) => (state.benchmark
    ? { ...state, benchmark: { ...state.benchmark, running: false, complete }, notice: complete ? notices.measured : state.notice }
    : state),
  // A dropped connection ends operations whose results are not sent again after reconnecting.
  line: (state, { open, message }) => open ? { ...state, errors: without(state.errors, "line", "device") } : {
    ...state, waiting: [], errors: { ...state.errors, line: message }, answer: { ...state.answer, running: false },
    phase: state.phase === "starting" ? phaseAfterFailedStart(state) : state.phase,
    benchmark: state.benchmark && { ...state.benchmark, running: false }, profile: state.profile && { ...state.profile, running: false },
    loading: state.about ? null : { stage: message, fraction: null, failed: true }, notice: message,
  },
  error: (state, { message, field, during }) => {
    const text = field && message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
    return {
      ...state,
      errors: { ...staying(state, during), [placeOf({ field, during })]: text },
      settings: state.settings || (during === "start" && field.includes(".")), // where the setting is
      text: during === "choose_text" ? { ...state.text, facts: null } : state.text,
      waiting: answered(state, during),
      phase: state.phase === "starting" ? phaseAfterFailedStart(state) : state.phase,
      loading: during === "begin" && !state.about ? { stage: text, fraction: null, failed: true } : state.loading,
      // If a device cannot be opened, the previous one is still open and stays chosen.
      device: during === "open_device"
        ? { ...state.device, opening: false, choice: state.device.open?.choice ?? state.device.choice, failed: state.device.choice }
        : state.device,
      answer: during === "sample" ? { ...state.answer, running: false, asked: null } : state.answer,
      written: during === "write" ? state.written.map((text) => ({ ...text, running: false })) : state.written,
      notice: during === "sample" || during === "begin" ? "" : state.notice, // the place of the error announces it
      benchmark: during === "benchmark" && state.benchmark ? { ...state.benchmark, running: false } : state.benchmark,
      checked: during === "check" ? null : state.checked,
      fetching: { text: during === "choose_text" ? "" : state.fetching.text, device: during === "open_device" ? "" : state.fetching.device },
    };
  },
  // As after an error, without its message.
  called_off: (state, { during }) => {
    const after = HANDLERS.error(state, { type: "error", message: "", field: "", during, run_id: "" });
    const text = during === "choose_text" ? { ...after.text, cancelled: true } : after.text;
    return { ...after, text, errors: state.errors, notice: notices.calledOff };
  },
  sampling: (state, { prompt }) => ({
    ...state, answer: { ...state.answer, running: true, asked: prompt },
    errors: without(state.errors, "prompt", ...Object.keys(state.errors).filter((place) => place.startsWith("sample:"))),
  }),
  benchmarking: (state) => ({
    ...state, benchmark: { running: true, complete: false, results: [] }, errors: without(state.errors, "benchmark"),
  }),
  asking: (state, { command }) => ({ ...state, waiting: [...state.waiting, command] }),
  announce: (state, { notice }) => ({ ...state, notice }),
  new_version: (state, { is }) => ({ ...state, newVersion: is }),
  limited: (state, { sentence }) => ({ ...state, limit: sentence }),
  go: (state, { place }) => ({ ...state, place }),
  show_settings: (state, { open }) => ({ ...state, settings: open }),
};

/** The phase of the current run after a failed start: that before it, for a start that is refused stops no run.
 * @param {State} state @returns {State["phase"]} */
function phaseAfterFailedStart({ run, phaseBefore }) {
  return run ? phaseBefore : "none";
}

/** Whether an event concerns the current run or no run: a replaced run may still send events.
 * @param {State} state @param {Action} action */
export function isCurrent({ run }, action) {
  const id = "run_id" in action ? action.run_id : "";
  return !id || !run || id === run.id || action.type === "started" || action.type === "opened";
}

/** @param {State} state @param {Action} action @returns {State} */
export function reduce(state, action) {
  if (!isCurrent(state, action)) return state;
  const react = /** @type {((state: State, action: any) => State)|undefined} */ (HANDLERS[action.type]);
  const next = react ? react(state, action) : state;
  return next.checked === state.checked && next.checked && !sameDraft(next, state) ? { ...next, checked: null } : next;
}
