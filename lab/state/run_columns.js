// The columns of the table of runs: results, and settings where they are chosen; and the table as Markdown and CSV.

import { NONE, ago, count, duration, fieldName, loss, number, percent, short, size, textName } from "../ui/format.js";
import { labels } from "../ui/labels.js";

/** @typedef {import("./state.js").Run} Run */
/** @typedef {import("../transport/messages.js").Experiment} Experiment */

/** A column: what it sorts by (null comes last), what it shows, and whether the largest comes first.
 * @typedef {{name: string, title: string, value: (run: Run) => string|number|null, write: (run: Run) => string, descending: boolean, words: boolean}} Column */

const { columns: titles } = labels.runs;
/** The columns that are shown unless others are chosen. */
export const FIRST_COLUMNS = ["text", "steps", "loss", "val_loss", "parameters", "size", "kept"];

/** @type {Record<string, Pick<Column, "value"|"write"> & Partial<Column>>} */
const RESULTS = {
  name: { value: (run) => run.name.toLowerCase(), write: (run) => run.name, words: true },
  text: { value: (run) => run.text.toLowerCase(), write: (run) => textName(run.text) || NONE, words: true },
  preset: { value: (run) => run.preset, write: (run) => run.preset || NONE, words: true },
  steps: { value: (run) => run.step, write: (run) => labels.runs.steps(count(run.step), count(run.steps)), descending: true },
  loss: { value: (run) => run.loss, write: (run) => loss(run.loss ?? NaN) },
  val_loss: { value: (run) => run.val_loss, write: (run) => loss(run.val_loss ?? NaN) },
  bits: { value: bitsPerByte, write: (run) => loss(bitsPerByte(run) ?? NaN) },
  accuracy: { value: (run) => run.accuracy, write: (run) => percent(run.accuracy ?? NaN), descending: true },
  parameters: { value: (run) => run.parameters, write: (run) => (run.parameters ? short(run.parameters) : NONE), descending: true },
  seconds: { value: (run) => run.seconds, write: (run) => (run.seconds ? duration(run.seconds) : NONE), descending: true },
  size: { value: (run) => run.bytes, write: (run) => (run.bytes ? size(run.bytes) : NONE), descending: true },
  kept: { value: (run) => run.kept_at, write: ageOf, descending: true },
  notes: { value: (run) => run.notes, write: (run) => run.notes, words: true },
};

/** The names of the results that can be columns; the name of a run is always one. */
export const RESULT_NAMES = Object.keys(RESULTS).filter((name) => name !== "name");

/** How long ago a run was kept.
 * @param {Run} run */
export function ageOf(run) {
  return ago((Date.now() - run.kept_at) / 1000);
}

/** The validation loss in bits per byte of text.
 * @param {Run} run */
function bitsPerByte({ val_loss, bytes_per_token }) {
  return val_loss === null || !bytes_per_token ? null : val_loss / Math.LN2 / bytes_per_token;
}

/** The column of a name: a result, or a setting such as "optim.learning_rate", whose values are in `settings` by run.
 * @param {string} name @param {Record<string, Experiment>} settings @returns {Column} */
export function columnOf(name, settings) {
  const result = RESULTS[name];
  if (result) return { name, title: titles[/** @type {keyof typeof titles} */ (name)], descending: false, words: false, ...result };
  const [section = "", field = ""] = name.split(".");
  const value = (/** @type {Run} */ run) => settings[run.copy]?.[/** @type {"model"} */ (section)]?.[field] ?? null;
  return {
    name, title: fieldName(name), value, descending: false, words: false,
    write: (run) => (typeof value(run) === "number" ? number(value(run)) : value(run) === null ? NONE : String(value(run))),
  };
}

/** Runs in the order of a column: what has no value is last, whichever way.
 * @param {Run[]} runs @param {Column} column @param {boolean} descending */
export function sorted(runs, { value }, descending) {
  return [...runs].sort((one, other) => {
    const [left, right] = [value(one), value(other)];
    const stars = Number(other.star) - Number(one.star);
    if (stars || left === right) return stars;
    if (left === null || right === null) return left === null ? 1 : -1;
    return (left < right) === descending ? 1 : -1;
  });
}

/** Runs as a table in Markdown, with the figures as the page shows them.
 * @param {Run[]} runs @param {Column[]} columns */
export function markdown(runs, columns) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.map((cell) => cell.replaceAll("\n", " ").replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = columns.map(({ words }) => (words ? "---" : "---:"));
  return `${[line(columns.map(({ title }) => title)), line(rule), ...runs.map((run) => line(columns.map((column) => column.write(run))))].join("\n")}\n`;
}

/** Runs as CSV, with all digits of the figures.
 * @param {Run[]} runs @param {Column[]} columns */
export function csv(runs, columns) {
  const cell = (/** @type {string} */ value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const exact = (/** @type {Run} */ run, /** @type {Column} */ column) => {
    const value = column.name === "kept" ? new Date(run.kept_at).toISOString() : column.words ? column.write(run) : column.value(run);
    return value === null || value === NONE ? "" : String(value);
  };
  return [columns.map(({ name }) => name), ...runs.map((run) => columns.map((column) => exact(run, column)))]
    .map((cells) => `${cells.map(cell).join(",")}\n`).join("");
}
