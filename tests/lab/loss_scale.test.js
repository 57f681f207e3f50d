// The loss axis stands still while the curve falls.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lossScale } from "../../lab/state/loss_scale.js";

/** The scales of a run whose loss falls from `first` to `last`. @param {number} first @param {number} last @param {number} guessing @param {boolean} logarithmic */
function scales(first, last, guessing, logarithmic) {
  const seen = new Set();
  for (let low = first; low > last; low *= 0.99) seen.add(lossScale(low, first, guessing, logarithmic).join(" to "));
  return [...seen];
}

test("the axis does not move while the loss falls", () => {
  assert.deepEqual(scales(4.2, 1.5, 4.17, false), ["0 to 4.5"]);
  assert.deepEqual(scales(4.2, 1.5, 4.17, true), ["1 to 4.5"]);
  assert.deepEqual(scales(11, 0.01, 10.82, false), ["0 to 12.5"]);
});

test("noise above random guessing does not move it", () => {
  for (const high of [4.1, 4.17, 4.25, 4.3]) assert.deepEqual(lossScale(4, high, 4.17, false), [0, 4.5]);
});

test("a logarithmic axis ends at a round number below the lowest loss", () => {
  const ends = [3, 1, 0.99, 0.5, 0.21, 0.2, 0.19, 0.1, 0.0034, 0].map((low) => lossScale(low, 4, 4.17, true)[0]);
  assert.deepEqual(ends, [1, 1, 0.5, 0.5, 0.2, 0.2, 0.1, 0.1, 0.002, 1e-6]);
  // With few tokens random guessing is below 1: the axis must still have a length.
  assert.deepEqual(lossScale(0.6, 0.69, Math.LN2, true), [0.2, 0.725]);
});

test("before anything is known the axis has a length", () => {
  assert.deepEqual(lossScale(null, null, NaN, false), [0, 4.25]);
  assert.deepEqual(lossScale(null, null, NaN, true), [1, 4.25]);
});
