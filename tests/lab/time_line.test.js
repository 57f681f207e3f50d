// The time line: what a run wrote near a step, and where a step is among the checkpoints.

import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOfStep, writtenAt } from "../../lab/state/time_line.js";

const samples = [0, 10, 40, 100].map((step) => ({ step, text: `at ${step}` }));

test("what was written at the step, or at the nearest one", () => {
  assert.deepEqual([0, 10, 24, 25, 26, 99, 5000].map((step) => writtenAt({ samples }, step)?.step), [0, 10, 10, 10, 40, 100, 100]);
  assert.equal(writtenAt({ samples }, 40)?.text, "at 40");
  assert.equal(writtenAt({ samples: [] }, 40), undefined);
});

test("a step that is no longer there is the nearest one, and none is the newest", () => {
  assert.deepEqual([null, 0, 11, 70, 71, 900].map((step) => placeOfStep([0, 10, 40, 100], step)), [3, 0, 1, 2, 3, 3]);
  assert.equal(placeOfStep([7], null), 0);
});
