// The columns of the table of runs, its order, and its copies.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FIRST_COLUMNS, RESULT_NAMES, columnOf, csv, markdown, sorted } from "../../lab/state/run_columns.js";

const run = (/** @type {string} */ copy, /** @type {Record<string, any>} */ facts = {}) => ({
  copy, id: copy, name: copy, text: "tales", preset: "baby", parent: "", differs: [], notes: "", star: false, step: 40, steps: 40, loss: 2, val_loss: Math.LN2,
  accuracy: null, parameters: 4352, seconds: 90, bytes_per_token: 0.5, bytes: 72_000, created: 0, seconds_ago: 0, open: "", kept_at: 0, ...facts,
});
const settings = {
  a: { name: "baby", data: {}, model: {}, optim: { learning_rate: 0.004, schedule: "cosine" }, train: {} },
  b: { name: "baby", data: {}, model: {}, optim: { learning_rate: 0.05, schedule: "linear" }, train: {} },
};

test("columns are results and settings", () => {
  const shown = (/** @type {string} */ name, one = run("a")) => columnOf(name, settings).write(one);
  assert.deepEqual(["bits", "seconds", "steps", "accuracy", "optim.learning_rate", "optim.schedule"].map((name) => shown(name)),
    ["2.000", "1 min 30 s".replaceAll(" ", "\u00a0"), "40", "–", "0.004", "cosine"]);
  assert.equal(shown("optim.learning_rate", run("unknown")), "–");
  assert.equal(shown("bits", run("a", { bytes_per_token: null })), "–");
  assert.ok(FIRST_COLUMNS.every((name) => RESULT_NAMES.includes(name)));
  assert.ok(RESULT_NAMES.every((name) => columnOf(name, {}).title));
});

test("runs are in the order of a column; starred ones first, those without a value last", () => {
  const runs = [run("a"), run("b"), run("c"), run("d", { star: true })];
  const order = (/** @type {boolean} */ descending) => sorted(runs, columnOf("optim.learning_rate", settings), descending).map(({ copy }) => copy);
  assert.deepEqual([order(false), order(true)], [["d", "a", "b", "c"], ["d", "b", "a", "c"]]);
});

test("the table is copied as Markdown with its figures, as CSV with all digits", () => {
  const columns = ["name", "val_loss", "optim.learning_rate"].map((name) => columnOf(name, settings));
  const runs = [run("a", { name: 'of "A", | first' })];
  assert.equal(markdown(runs, columns), '| Name | Validation loss | Learning rate |\n| --- | ---: | ---: |\n| of "A", \\| first | 0.693 | 0.004 |\n');
  assert.equal(csv(runs, columns), `name,val_loss,optim.learning_rate\n"of ""A"", | first",${Math.LN2},0.004\n`);
  assert.match(csv(runs, [columnOf("kept", {}), columnOf("accuracy", {})]), /^kept,accuracy\n1970-01-01T00:00:00.000Z,\n$/);
});
