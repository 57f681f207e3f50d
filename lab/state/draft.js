// The draft, which holds the settings of the next run, and the run it comes from.

import { isTask } from "./state.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("../transport/messages.js").Experiment} Experiment */
/** @typedef {import("../transport/messages.js").RunFacts} RunFacts */

/**
 * The settings of the next run after a run was opened, or is undone to: those of the run, with the text chosen here.
 * @param {State} state @param {RunFacts} run @returns {Experiment}
 */
export function draftLike({ draft, text }, run) {
  const { experiment } = run;
  if (!draft || text.facts?.sha256 === run.text_sha256) return experiment;
  const { source, layout } = draft.data;
  return { ...experiment, data: { ...experiment.data, source, layout } };
}

/**
 * The choice among the texts that a run was trained on.
 * @param {State["about"]} about @param {Pick<RunFacts, "text"|"built_in">} run
 */
export function textOf(about, { built_in, text }) {
  return built_in && (about?.texts.includes(text) || isTask(text)) ? text : "own";
}

/** The preset with a run's name, or the one chosen here.
 * @param {Pick<State, "about"|"preset">} state @param {RunFacts} run */
export function presetOf({ about, preset }, { experiment }) {
  return about && Object.hasOwn(about.presets, experiment.name) ? experiment.name : preset;
}

/** Changes the number of steps of the run; a draft with as many steps follows.
 * @param {State} state @param {number} steps @returns {State} */
export function withSteps(state, steps) {
  const { run, draft } = state;
  const before = run?.experiment.train["steps"];
  if (!run || before === steps) return state;
  const extended = (/** @type {Experiment} */ experiment) => ({ ...experiment, train: { ...experiment.train, steps } });
  return {
    ...state, run: { ...run, experiment: extended(run.experiment) }, draft: draft && draft.train["steps"] === before ? extended(draft) : draft,
  };
}

/**
 * Adapts a draft to a text: it trains on answers only if the text is a task and the draft or its preset does so.
 * @param {Experiment} draft
 * @param {Experiment|undefined} preset
 * @param {string} text
 */
export function withText(draft, preset, text) {
  const answers = isTask(text) && (draft.train["answers_only"] || preset?.train["answers_only"]);
  return Boolean(answers) === draft.train["answers_only"] ? draft : { ...draft, train: { ...draft.train, answers_only: Boolean(answers) } };
}
