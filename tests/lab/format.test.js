// Number formatting.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../lab/ui/format.js";
import { labels } from "../../lab/ui/labels.js";

/** @template T @param {(value: T) => string} write @param {[T, string][]} cases */
function check(write, cases) {
  for (const [value, expected] of cases) assert.equal(write(value).replaceAll("\u00a0", " "), expected, `of ${value}`);
}

test("counts", () => check(format.count, [[0, "0"], [999, "999"], [1234567, "1,234,567"]]));

test("short numbers keep three digits", () => check(format.short, [
  [0, "0"], [9994, "9,994"], [9995, "10.0 k"], [99_949, "99.9 k"], [99_950, "100 k"], [999_499, "999 k"], [999_500, "1.00 M"],
  [1_234_567, "1.23 M"], [999_499_999, "999 M"], [999_500_000, "1.00 G"], [12_345_678_900, "12.3 G"],
]));

test("sizes", () => check(format.size, [
  [1, "1 kB"], [1499, "1 kB"], [25_000, "25 kB"], [1_250_000, "1.3 MB"], [12_500_000, "13 MB"], [3_210_000_000, "3.2 GB"],
]));

test("durations", () => check(format.duration, [
  [NaN, "–"], [Infinity, "–"], [0, "1 s"], [59.4, "59 s"], [59.6, "1 min 0 s"], [61, "1 min 1 s"], [599.4, "9 min 59 s"], [600, "10 min"],
  [5399, "90 min"], [5400, "1.5 h"], [172_799, "48.0 h"], [172_800, "2 days"],
]));

test("estimated durations are round", () => check(format.roughly, [
  [NaN, "–"], [0.2, "1 s"], [9.4, "9 s"], [12, "10 s"], [54, "50 s"], [55, "1 min"], [89, "1 min"], [250, "4 min"], [5399, "90 min"], [5400, "1.5 h"],
]));

test("ages", () => check(format.ago, [
  [0, "a moment ago"], [89, "a moment ago"], [90, "2 minutes ago"], [5400, "2 hours ago"], [129_600, "2 days ago"],
]));

test("losses", () => check(format.loss, [[NaN, "–"], [2.34567, "2.346"], [12.3456, "12.35"], [0, "0.000"]]));

test("percentages", () => check(format.percent, [[NaN, "–"], [0, "0 %"], [0.505, "51 %"], [0.994, "99.4 %"], [1, "100 %"]]));

test("numbers of any size", () => check(format.number, [
  [NaN, "–"], [0, "0"], [0.0012345, "0.00123"], [0.00001234, "1.23e-5"], [-0.5, "-0.5"], [12.345, "12.3"], [1500, "1,500"],
]));

test("sentences", () => check(format.sentence, [["", ""], ["it works", "It works."], ["It works.", "It works."]]));

test("a sentence that begins with a name keeps it", () => check(format.capitalized, [
  ["expected a number", "Expected a number"], ["task:sort has no length", "task:sort has no length"], ["metrics.jsonl is full", "metrics.jsonl is full"],
  ["device: none", "Device: none"], ["", ""],
]));

test("messages use the page's names of settings", () => {
  assert.equal(format.fieldName("model.n_head"), "Heads");
  assert.equal(format.fieldName("model.brand_new"), "brand_new");
  assert.equal(format.withFieldNames("choose a multiple of model.n_head (2), not model.brand_new"),
    "choose a multiple of Heads (2), not model.brand_new");
  for (const quoted of ["'2;train.steps=3'", '"it\'s train.steps"', "“train.steps”", "'\\'train.steps'", "'train.steps and so on, cut sh"]) {
    assert.equal(format.withFieldNames(`the model's train.steps, got ${quoted}`), `the model's Steps, got ${quoted}`);
  }
});

test("a name with marks that reorder text is isolated in a sentence", () => {
  assert.match(labels.figures.summary("a\u202eb", "tales", "", 8, "1 k", "NumPy"), /^\u2068a\u202eb\u2069 on /);
  assert.match(labels.figures.summary("baby", "tales", "", 8, "1 k", "NumPy"), /^baby on /);
  for (const { change } of [labels.runs, labels.changes]) assert.equal(change("text", "a\u202eb", "tales"), "text \u2068a\u202eb\u2069 → tales");
});

test("a task is named in words, and another text as it is", () => check(format.textName, [
  ["tales", "tales"], ["e.txt", "e.txt"], ["task:sort", "sort"], ["task:addition,examples=100000", "addition (questions 100,000)"],
  ["task:sort,format=mingpt,length=4,seed=1", "sort (format mingpt, length 4, random seed 1)"],
]));
