// The comparison of runs: what differs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsOf } from "../../lab/state/comparison.js";
import { addressOf, placeIn } from "../../lab/state/place.js";

const experiment = (/** @type {Record<string, any>} */ optim) => ({
  name: "baby", data: { source: "tales" }, model: { block_size: 8 }, optim: { learning_rate: 0.1, ...optim }, train: { batch_size: 4, accumulation: 2 },
});
const run = (/** @type {Record<string, any>} */ facts = {}) => ({
  type: /** @type {const} */ ("run_read"), copy: "baby-1", experiment: experiment({}), training: [[10, 2, 10], [20, 2, 10]], validation: [[0, 4, null], [20, 1.5, null]],
  samples: [], text_sha256: "abcdef0123", began_from: "", ...facts,
});

test("only the settings that differ are listed, unless all are asked for", () => {
  const two = [run({ experiment: experiment({ beta1: 0.9 }) }), run({ experiment: experiment({ beta1: 0.8 }) })];
  assert.deepEqual(settingsOf(two, false), [{ field: "optim.beta1", values: [0.9, 0.8], same: false }]);
  assert.deepEqual(settingsOf(two, true).map(({ field }) => field),
    ["text", "began_from", "model.block_size", "optim.learning_rate", "optim.beta1", "train.batch_size", "train.accumulation"]);
  assert.deepEqual([settingsOf([], true), settingsOf([run()], false)], [[], []]);
});

test("runs on different texts of one name, and a run that began from another, are no runs with the same settings", () => {
  assert.deepEqual(settingsOf([run(), run({ text_sha256: "0123456789" })], false),
    [{ field: "text", values: ["tales (abcdef01)", "tales (01234567)"], same: false }]);
  assert.deepEqual(settingsOf([run(), run({ began_from: "run baby" })], false), [{ field: "began_from", values: ["", "run baby"], same: false }]);
});

test("a place has an address beside the settings and the device", () => {
  const address = "https://example.org/lab/?on=machine#preset=baby";
  assert.equal(placeIn(address), "train");
  assert.equal(placeIn(addressOf("runs", address)), "runs");
  assert.equal(addressOf("train", addressOf("runs", address)), address);
  assert.equal(placeIn("https://example.org/lab/?place=nowhere"), "train");
});
