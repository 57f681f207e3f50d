// Runs that differ in their seed alone, as one line with a band.

import assert from "node:assert/strict";
import { test } from "node:test";
import { groupedLines, nameWithoutSeed } from "../../lab/state/groups.js";

const read = (/** @type {string} */ copy) => ({
  type: /** @type {const} */ ("run_read"), copy, text_sha256: "ab", began_from: "", samples: [],
  experiment: { name: "baby", data: {}, model: {}, optim: {}, train: {} },
  training: /** @type {[number, number, number][]} */ ([[10, 9, 10]]), validation: /** @type {[number, number, null][]} */ ([[20, 9, null]]),
});
const line = (/** @type {string} */ name, /** @type {number} */ place) => ({ read: read(name.replace(" ", ",")), name, place, copies: [name.replace(" ", ",")] });
const group = (/** @type {string[]} */ copies) => ({
  copies, seeds: copies.map((_, index) => index),
  training: /** @type {[number, number, number, number, number, number][]} */ ([[10, 3, 2, 4, 1, 2], [20, 2, 1, 3, 1, 2]]),
  validation: /** @type {[number, number, number, number, number, number][]} */ ([[20, 2.5, 2, 3, 0.5, 2]]),
});
const seeds = (/** @type {string} */ name, /** @type {number} */ number) => `${name} · ${number} seeds`;

test("the runs of a group are one line: the mean, and a band from the lowest to the highest validation loss", () => {
  const lines = [line("lr=1 seed=1", 0), line("alone", 1), line("lr=1 seed=2", 2)];
  const [one, two, ...none] = groupedLines(lines, [group(["lr=1,seed=1", "lr=1,seed=2"]), group(["alone"])], seeds);
  assert.deepEqual([one?.name, one?.place, one?.copies, none], ["lr=1 · 2 seeds", 0, ["lr=1,seed=1", "lr=1,seed=2"], []]);
  assert.deepEqual(one?.read.training, [[10, 3, 10], [20, 2, 10]]);
  assert.deepEqual([one?.read.validation, one?.band?.low.validation, one?.band?.high.validation], [[[20, 2.5, null]], [[20, 2, null]], [[20, 3, null]]]);
  assert.equal(two, lines[1]);
});

test("a group that was read for other runs is not drawn", () => {
  const lines = [line("a seed=1", 0), line("a seed=2", 1)];
  assert.deepEqual(groupedLines(lines, [group(["a,seed=1", "a,seed=2", "a,seed=3"])], seeds), lines);
  assert.deepEqual(groupedLines(lines, [], seeds), lines);
});

test("a group has the name of its runs without the seed, or that of its preset", () => {
  assert.equal(nameWithoutSeed("lr=0.1 seed=12 steps=3"), "lr=0.1 steps=3");
  assert.equal(nameWithoutSeed("my seed=run"), "my seed=run");
  assert.equal(groupedLines([line("seed=1", 0), line("seed=2", 1)], [group(["seed=1", "seed=2"])], seeds)[0]?.name, "baby · 2 seeds");
});
