// What actions change in the run on the screen.

import { labels } from "../../ui/labels.js";
import { draftLike, withSteps } from "../draft.js";
import { without } from "../errors.js";
import { FIRST_PRESET, INITIAL, SAMPLES_KEPT, isEdited } from "../state.js";
import { answered } from "../waiting.js";
import { DRAFT } from "./draft.js";

/** @typedef {import("../state.js").State} State */
/** @typedef {import("../state.js").Action} Action */
/** @typedef {import("../../transport/messages.js").RunFacts} RunFacts */

const { notices } = labels;

/** @satisfies {import("../reducer.js").Handlers} */
export const RUN = {
  started: (state, { run }) => ({
    ...withNewRun(state, run, -1), phase: "running", notice: notices.training,
    // If the run started before this page connected, the controls show its settings unless the user has changed them.
    draft: state.run || state.phase === "starting" || state.preset !== FIRST_PRESET || isEdited(state) ? state.draft : draftLike(state, run),
  }),
  opened: (state, { run }) => ({
    // The controls show the settings and the text of the opened run, so Train again repeats it. The session sends the text.
    ...DRAFT.undo(withNewRun(state, run, run.step)),
    phase: run.step < run.experiment.train.steps ? "paused" : "finished",
    fetching: { ...state.fetching, text: "" }, notice: (run.step < run.experiment.train.steps ? notices.opened : notices.openedFinished)(run.step),
  }),
  // The rows are means of many steps, from which the loss shown, of the last few, cannot be had again. Of a run that is
  // back at its last copy, everything after its step was of weights that are gone.
  curve: (state, { step, validation, smoothed }) => {
    const { run } = state;
    if (!run) return state;
    const seen = validation.at(-1);
    const back = { ...run, step, metrics: {}, seconds_left: NaN, kept_step: Math.min(run.kept_step, step) };
    return withMetrics({ ...state, run: back, samples: samplesUntil(state, step) }, { loss: smoothed, val_loss: seen?.[1], accuracy: seen?.[2] });
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
  judged: (state, verdict) => ({ ...state, verdict }),
  sample: (state, { step, text, real_words: realWords }) => ({ ...state, samples: [{ step, text, realWords }, ...state.samples].slice(0, SAMPLES_KEPT) }),
  resumed: (state, { step, steps }) => withPhase({ ...withSteps(state, steps), errors: without(state.errors, "", "lost") }, "running", step, notices.training),
  paused: (state, { step }) => withPhase(state, "paused", step, notices.paused(step)),
  // A start stops the run before it, and goes on.
  stopped: (state, { step }) =>
    withPhase({ ...state, phaseBefore: state.phaseBefore === "finished" ? "finished" : "stopped" }, state.phase === "starting" ? "starting" : "stopped", step, notices.stopped(step)),
  finished: (state, { step }) => withPhase(state, "finished", step, notices.finished(step)),
  profiled: (state, { profile }) => ({
    ...state, profile: { running: false, found: profile }, notice: profile ? notices.profiled : state.notice,
  }),
  profiling: (state) => ({ ...state, profile: { running: true, found: null } }),
  saved: (state, { step }) => ({
    ...state, run: state.run && { ...state.run, saved_step: step }, notice: notices.saved(step),
    errors: without(state.errors, "file"), waiting: answered(state, "save"),
  }),
  kept: (state, { step }) => ({
    ...state, run: state.run && { ...state.run, kept_step: step },
    errors: "copy" in state.errors ? without(state.errors, "copy") : state.errors,
  }),
  starting: (state) => ({ ...state, phase: "starting", phaseBefore: state.phase, preparing: null, errors: without(state.errors, "", "lost", ...(state.text.facts ? ["text"] : [])) }),
};

/** @param {State} state @param {RunFacts} run @param {number} saved @returns {State} */
function withNewRun(state, run, saved) {
  return {
    ...state,
    run: { ...run, metrics: {}, baselines: {}, seconds_left: NaN, saved_step: saved, kept_step: saved },
    samples: [],
    verdict: null,
    answer: INITIAL.answer,
    errors: without(state.errors, "", "lost", "copy", "file", "link", "prompt"),
    waiting: answered(state, "open_kept"),
  };
}

/** The samples up to a step: a run whose device was lost is back there, and later ones are of a model that is gone.
 * @param {State} state @param {number} step */
function samplesUntil({ samples }, step) {
  return samples.filter((sample) => sample.step <= step);
}

/** @param {State} state @param {State["phase"]} phase @param {number} step @param {string} notice @returns {State} */
function withPhase(state, phase, step, notice) {
  return { ...state, phase, run: state.run && { ...state.run, step }, samples: samplesUntil(state, step), notice };
}

/** Updates the metrics of the run; metrics without a value stay unchanged.
 * @param {State} state @param {Record<string, number|null|undefined>} metrics @param {Partial<import("../state.js").RunState>} [facts]
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
