// The comparison of runs: their settings, and their curves as the columns of one chart.

import { Curves } from "./curves.js";

/** @typedef {import("../transport/messages.js").RunReadEvent} RunRead */
/** @typedef {import("../transport/messages.js").Experiment} Experiment */

const SECTIONS = /** @type {const} */ (["data", "model", "optim", "train"]);

/**
 * The settings of several runs: a row for each, with the value of each run.
 * @param {Experiment[]} experiments
 * @param {boolean} all  whether settings that have the same value in all runs are listed too
 * @returns {{field: string, values: (string|number|boolean)[], same: boolean}[]}
 */
export function settingsOf(experiments, all) {
  const [first] = experiments;
  if (!first) return [];
  const rows = SECTIONS.flatMap((section) => Object.keys(first[section]).map((name) => {
    const values = experiments.map((experiment) => experiment[section][name]);
    return { field: `${section}.${name}`, values, same: values.every((value) => value === values[0]) };
  }));
  return all ? rows : rows.filter(({ same }) => !same);
}

/** The tokens in a step of a run.
 * @param {Experiment} experiment */
export function tokensPerStep({ model, train }) {
  return Number(model["block_size"]) * Number(train["batch_size"]) * Number(train["accumulation"] ?? 1);
}

/**
 * The curves of a run: where they are, the smoothed training loss, and the validation loss.
 * @param {RunRead} run @param {"step"|"tokens"} across @param {"nats"|"perplexity"} unit
 * @returns {[number[], (number|null)[], (number|null)[]]}
 */
export function columnsOf(run, across, unit) {
  const curves = new Curves();
  // Without the untrained model's loss: a straight line from it to the next would be wrong.
  const validation = run.validation.filter(([step]) => step > 0);
  curves.replay({ type: "curve", run_id: "", training: run.training, validation, smoothed: null });
  const [steps, , smoothed, seen] = curves.columns;
  const scale = across === "tokens" ? tokensPerStep(run.experiment) : 1;
  const shown = (/** @type {number|null} */ loss) => (loss === null || unit === "nats" ? loss : Math.exp(loss));
  return [steps.map((step) => step * scale), smoothed.map(shown), seen.map(shown)];
}

/** The steps at which each of several runs has written something.
 * @param {RunRead[]} runs */
export function sharedSteps(runs) {
  const [first, ...others] = runs.map(({ samples }) => samples.map(({ step }) => step));
  return [...new Set(first ?? [])].filter((step) => others.every((steps) => steps.includes(step)));
}
