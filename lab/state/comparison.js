// The comparison of runs: their settings, and what their losses count.

/** @typedef {import("../transport/messages.js").RunReadEvent} RunRead */
/** @typedef {import("../transport/messages.js").Experiment} Experiment */

export const MOST_COMPARED = 40; // a class's runs; more lines than that are no chart
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

/** What the losses of a run count: the tokens of its text.
 * @param {RunRead} run */
export function countedBy({ experiment, text_sha256 }) {
  return JSON.stringify([text_sha256, ...["layout", "tokenizer", "vocab_size"].map((name) => experiment.data[name])]);
}
