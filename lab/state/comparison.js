// The comparison of runs: their settings, and their curves as the columns of one chart.

import { Curves } from "./curves.js";

/** @typedef {import("../transport/messages.js").RunReadEvent} RunRead */
/** @typedef {import("../transport/messages.js").Experiment} Experiment */

const SECTIONS = /** @type {const} */ (["data", "model", "optim", "train"]);

/**
 * The settings of several runs: a row for each, with the value of each run. The first rows are what else a run depends on:
 * "text", with the beginning of its SHA-256 if texts of one name differ, and "began_from".
 * @param {Pick<RunRead, "experiment"|"text_sha256"|"began_from">[]} runs
 * @param {boolean} all  whether settings that have the same value in all runs are listed too
 * @returns {{field: string, values: (string|number|boolean)[], same: boolean}[]}
 */
export function settingsOf(runs, all) {
  const [first] = runs;
  if (!first) return [];
  const names = runs.map(({ experiment }) => String(experiment.data["source"]));
  const ambiguous = runs.some((run, index) => runs.some((other, place) => names[place] === names[index] && other.text_sha256 !== run.text_sha256));
  const texts = runs.map(({ text_sha256 }, index) => (ambiguous ? `${names[index]} (${text_sha256.slice(0, 8)})` : names[index] ?? ""));
  const rows = [row("text", texts), row("began_from", runs.map(({ began_from }) => began_from)),
    ...SECTIONS.flatMap((section) => Object.keys(first.experiment[section]).filter((name) => name !== "source")
      .map((name) => row(`${section}.${name}`, runs.map(({ experiment }) => experiment[section][name]))))];
  return all ? rows : rows.filter(({ same }) => !same);
}

/** @param {string} field @param {(string|number|boolean)[]} values */
function row(field, values) {
  return { field, values, same: values.every((value) => value === values[0]) };
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
  const validation = run.validation.filter(([step]) => step > 0 || run.began_from !== "");
  curves.replay({ training: run.training, validation });
  const [steps, , smoothed, seen] = curves.columns;
  const scale = across === "tokens" ? tokensPerStep(run.experiment) : 1;
  const shown = (/** @type {number|null} */ loss) => (loss === null || unit === "nats" ? loss : Math.exp(loss));
  return [steps.map((step) => step * scale), smoothed.map(shown), seen.map(shown)];
}
