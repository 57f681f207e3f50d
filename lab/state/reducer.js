// The effect of each action on the state, as pure functions.

import { labels } from "../ui/labels.js";
import { draftLike, presetOf, textOf, withSteps, withText } from "./draft.js";
import { placeOf, staying, without, withoutChecked, withoutFields } from "./errors.js";
import { FIRST_PRESET, INITIAL, SAMPLES_KEPT, isEdited, layoutOf, sameDraft } from "./state.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Action} Action */
/** @typedef {import("../transport/messages.js").RunFacts} RunFacts */

const { notices } = labels;

/** @type {{[Type in Action["type"]]: (state: State, action: Extract<Action, {type: Type}>) => State}} */
const HANDLERS = {
  // Once the lab is open, progress is shown at the control that waits: at the buttons, below the texts or the devices.
  loading: (state, { stage, fraction, field }) => {
    if (state.phase === "starting") return { ...state, preparing: { stage, fraction } };
    if (state.about) return { ...state, fetching: { ...state.fetching, [field === "device" ? "device" : "text"]: `${stage}…` } };
    return state.loading?.failed ? state : { ...state, loading: { stage, fraction } };
  },
  ready: (state, ready) => ({
    ...state, loading: null, about: ready, draft: state.draft ?? ready.presets[FIRST_PRESET] ?? null, notice: notices.ready,
  }),
  device: (state, device) => ({
    ...state, device: { choice: device.choice, opening: false, open: device, failed: "" }, errors: without(state.errors, "device"),
    fetching: { ...state.fetching, device: "" }, notice: notices.device(device.name),
  }),
  text: (state, { text, asked }) => {
    // A server may already have loaded another text than the page's initial one. While a text that was chosen here is
    // on its way, another one that arrives was chosen before it.
    const choice = textOf(state.about, { built_in: text.built_in, text: asked });
    const lost = state.text.kept && choice !== state.text.choice; // the session has begun anew
    if (state.text !== INITIAL.text && !state.text.facts && choice !== state.text.choice && !lost) return state;
    const layout = choice === state.text.choice ? {} : { layout: layoutOf(state.about, choice) };
    return {
      ...state, text: { choice, facts: text }, fetching: { ...state.fetching, text: "" },
      errors: { ...without(state.errors, "text"), ...(lost ? { link: labels.link.reloaded } : {}) },
      draft: state.draft && { ...state.draft, data: { ...state.draft.data, source: text.name, ...layout } },
    };
  },
  checked: (state, checked) => ({ ...state, checked, errors: withoutChecked(state) }),

  started: (state, { run }) => ({
    ...withNewRun(state, run, -1), phase: "running", notice: notices.training,
    // If the run started before this page connected, the controls show its settings unless the user has changed them.
    draft: state.run || state.phase === "starting" || state.preset !== FIRST_PRESET || isEdited(state) ? state.draft : draftLike(state, run),
  }),
  opened: (state, { run }) => ({
    // The controls show the settings and the text of the opened run, so Train again repeats it. The session sends the text.
    ...HANDLERS.undo(withNewRun(state, run, run.step), { type: "undo" }),
    phase: run.step < run.experiment.train.steps ? "paused" : "finished",
    fetching: { ...state.fetching, text: "" }, notice: (run.step < run.experiment.train.steps ? notices.opened : notices.openedFinished)(run.step),
  }),
  // The rows are means of many steps, from which the loss shown, of the last few, cannot be had again.
  curve: (state, { training, validation, smoothed }) => {
    const [seen, known] = [validation.at(-1), training.at(-1)];
    return withMetrics(state, { loss: smoothed, val_loss: seen?.[1], accuracy: seen?.[2] }, { step: Math.max(state.run?.step ?? 0, known?.[0] ?? 0) });
  },
  progress: (state, { steps, losses, logged, learning_rate, tokens_per_second, ms_per_step, seconds_left }) => {
    const latest = Object.fromEntries(Object.entries(logged).map(([name, column]) => [name, column.at(-1)]));
    delete latest["step"];
    const loss = smoothedLoss(state.run?.metrics["loss"], losses);
    return withMetrics(state, { ...latest, loss, learning_rate, tokens_per_second, ms_per_step },
      { step: steps.at(-1) ?? state.run?.step ?? 0, seconds_left: seconds_left ?? NaN });
  },
  evaluated: (state, { val_loss, accuracy }) => withMetrics(state, { val_loss: val_loss ?? NaN, accuracy }),
  baselines: (state, { nats }) => (state.run ? { ...state, run: { ...state.run, baselines: nats } } : state),
  sample: (state, { step, text }) => ({ ...state, samples: [{ step, text }, ...state.samples].slice(0, SAMPLES_KEPT) }),
  resumed: (state, { step, steps }) => withPhase({ ...withSteps(state, steps), errors: without(state.errors, "", "lost") }, "running", step, notices.training),
  paused: (state, { step }) => withPhase(state, "paused", step, notices.paused(step)),
  // A start stops the run before it, and goes on.
  stopped: (state, { step }) =>
    withPhase({ ...state, phaseBefore: state.phaseBefore === "finished" ? "finished" : "stopped" }, state.phase === "starting" ? "starting" : "stopped", step, notices.stopped(step)),
  finished: (state, { step }) => withPhase(state, "finished", step, notices.finished(step)),

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
  profiled: (state, { profile }) => ({
    ...state, profile: { running: false, found: profile }, notice: profile ? notices.profiled : state.notice,
  }),
  saved: (state, { step }) => ({
    ...state, run: state.run && { ...state.run, saved_step: step }, notice: notices.saved(step),
    errors: without(state.errors, "file"), waiting: answered(state, "save"),
  }),
  kept: (state, { step }) => ({
    ...state, run: state.run && { ...state.run, kept_step: step },
    errors: "copy" in state.errors ? without(state.errors, "copy") : state.errors,
  }),
  // A dropped connection ends operations whose results are not sent again after reconnecting.
  line: (state, { open, message }) => open ? { ...state, errors: without(state.errors, "line", "device") } : {
    ...state, waiting: [], errors: { ...state.errors, line: message }, answer: { ...state.answer, running: false },
    phase: state.phase === "starting" ? phaseAfterFailedStart(state) : state.phase,
    benchmark: state.benchmark && { ...state.benchmark, running: false }, profile: state.profile && { ...state.profile, running: false },
    loading: state.about ? null : { stage: message, fraction: null, failed: true }, notice: message,
  },
  // Their age is that of this moment; the page may show it much later.
  found: (state, { runs, deleted }) => ({
    ...state, listed: true, runs: runs.map((run) => ({ ...run, kept_at: Date.now() - 1000 * run.seconds_ago })), errors: without(state.errors, "runs"),
    deleted,
  }),
  error: (state, { message, field, during }) => {
    const text = field && message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
    return {
      ...state,
      errors: { ...staying(state, during), [placeOf({ field, during })]: text },
      text: during === "choose_text" ? { ...state.text, facts: null } : state.text,
      waiting: answered(state, during),
      phase: state.phase === "starting" ? phaseAfterFailedStart(state) : state.phase,
      loading: during === "begin" && !state.about ? { stage: text, fraction: null, failed: true } : state.loading,
      // If a device cannot be opened, the previous one is still open and stays chosen.
      device: during === "open_device"
        ? { ...state.device, opening: false, choice: state.device.open?.choice ?? state.device.choice, failed: state.device.choice }
        : state.device,
      answer: during === "sample" ? { ...state.answer, running: false, asked: null } : state.answer,
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

  edit: (state, { field, value }) => {
    const [section, name] = field.split(".");
    if (!state.draft || !section || !name) return state;
    const fields = state.draft[/** @type {"model"} */ (section)];
    return { ...state, draft: { ...state.draft, [section]: { ...fields, [name]: value } } };
  },
  choose_preset: (state, { name }) => {
    const preset = state.about?.presets[name];
    if (!preset) return state;
    // Keep the text and its layout.
    const { source, layout } = state.draft?.data ?? preset.data;
    return { ...state, preset: name, draft: withText({ ...preset, data: { ...preset.data, source, layout } }, preset, state.text.choice) };
  },
  adopt: (state, { preset, draft, ignored }) => ({
    ...state, preset, draft, errors: ignored ? { ...state.errors, link: ignored } : without(state.errors, "link"),
  }),
  undo: (state) => {
    const { run, text } = state;
    if (!run) return state;
    const facts = text.facts?.sha256 === run.text_sha256 ? text.facts : null; // else the run's text is on its way
    return {
      ...state, preset: presetOf(state, run), draft: run.experiment, text: { choice: textOf(state.about, run), facts },
      errors: without(withoutFields(state.errors), "text"),
    };
  },
  choosing_text: (state, { choice, kept }) => ({
    ...state, text: { choice, facts: null, ...(kept ? { kept } : {}) }, errors: without(state.errors, "text", "file"), fetching: { ...state.fetching, text: "" },
    draft: state.draft && withText({ ...state.draft, data: { ...state.draft.data, layout: layoutOf(state.about, choice) } },
      state.about?.presets[state.preset], choice),
  }),
  choosing_device: (state, { choice }) => ({
    ...state, device: { ...state.device, choice, opening: true, failed: "" }, errors: without(state.errors, "device", "lost"), fetching: { ...state.fetching, device: "" },
  }),
  starting: (state) => ({ ...state, phase: "starting", phaseBefore: state.phase, preparing: null, errors: without(state.errors, "", ...(state.text.facts ? ["text"] : [])) }),
  sampling: (state, { prompt }) => ({
    ...state, answer: { ...state.answer, running: true, asked: prompt },
    errors: without(state.errors, "prompt", ...Object.keys(state.errors).filter((place) => place.startsWith("sample:"))),
  }),
  benchmarking: (state) => ({
    ...state, benchmark: { running: true, complete: false, results: [] }, errors: without(state.errors, "benchmark"),
  }),
  profiling: (state) => ({ ...state, profile: { running: true, found: null } }),
  asking: (state, { command }) => ({ ...state, waiting: [...state.waiting, command] }),
  announce: (state, { notice }) => ({ ...state, notice }),
  limited: (state, { sentence }) => ({ ...state, limit: sentence }),
  run_read: (state, read) => ({ ...state, read: { ...state.read, [read.copy]: read } }),
  compare: (state, { copies }) => ({ ...state, compared: copies }),
  go: (state, { place }) => ({ ...state, place }),
  persisted: (state, { persistent }) => ({ ...state, persistent }),
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

/** @param {State} state @param {RunFacts} run @param {number} saved @returns {State} */
function withNewRun(state, run, saved) {
  return {
    ...state,
    run: { ...run, metrics: {}, baselines: {}, seconds_left: NaN, saved_step: saved, kept_step: saved },
    samples: [],
    answer: INITIAL.answer,
    errors: without(state.errors, "", "lost", "copy", "file", "link", "prompt"),
    waiting: answered(state, "open_kept"),
  };
}

/** A run whose device was lost is back at an earlier step: the samples after it are of a model that is gone.
 * @param {State} state @param {State["phase"]} phase @param {number} step @param {string} notice @returns {State} */
function withPhase(state, phase, step, notice) {
  return { ...state, phase, run: state.run && { ...state.run, step }, samples: state.samples.filter((sample) => sample.step <= step), notice };
}

/** Updates the metrics of the run; metrics without a value stay unchanged.
 * @param {State} state @param {Record<string, number|null|undefined>} metrics @param {Partial<import("./state.js").RunState>} [facts]
 * @returns {State} */
function withMetrics(state, metrics, facts = {}) {
  if (!state.run) return state;
  const known = Object.fromEntries(Object.entries(metrics).filter(([, value]) => typeof value === "number"));
  return { ...state, run: { ...state.run, ...facts, metrics: /** @type {Record<string, number>} */ ({ ...state.run.metrics, ...known }) } };
}

/**
 * The loss to show, smoothed so that its last digits do not flicker, as by LossCurve in Python. NaN if the last loss is
 * missing.
 * @param {number|undefined} before
 * @param {(number|null)[]} losses
 */
function smoothedLoss(before, losses) {
  let value = before ?? NaN;
  for (const loss of losses) value = loss === null || Number.isNaN(value) ? (loss ?? NaN) : value + 0.1 * (loss - value);
  return losses.length ? value : before;
}

/** The commands that still wait after one was answered.
 * @param {State} state @param {string} command */
function answered({ waiting }, command) {
  return waiting.includes(command) ? waiting.filter((name) => name !== command) : waiting;
}
