// When a run may be replaced without a question.

import assert from "node:assert/strict";
import { test } from "node:test";
import { INITIAL } from "../../lab/state/state.js";
import { isUnkept, lossOf } from "../../lab/state/unsaved.js";

/** @param {Record<string, any>} run @param {Record<string, any>} [changes] @returns {any} */
const after = (run, changes = {}) => ({
  ...INITIAL, phase: "stopped", run: { step: 40, saved_step: -1, kept_step: -1, metrics: { ms_per_step: 10 }, ...run }, ...changes,
});

test("a run that is kept nowhere is not replaced without a question, however short it is", () => {
  for (const nowhere of [{ limit: "no storage" }, { errors: { copy: "no room" } }]) {
    assert.deepEqual(lossOf(after({}, nowhere), false), { what: "time", seconds: 0.4 });
    assert.deepEqual(lossOf(after({ saved_step: 20 }, nowhere), true), { what: "time", seconds: 0.2 });
    assert.ok(Number.isNaN(lossOf(after({ metrics: {} }, nowhere), false)?.seconds));
    for (const kept of [{ saved_step: 40 }, { kept_step: 40 }, { step: 0 }]) assert.equal(lossOf(after(kept, nowhere), true), null);
  }
});

test("where runs are kept, the next one begins without a question", () => {
  assert.equal(lossOf(after({}), false), null);
  assert.equal(lossOf(after({ step: 6000 }), true), null);
  assert.equal(lossOf(INITIAL, true), null);
});

test("a file ends a run under way only after a question", () => {
  assert.equal(lossOf(after({}, { phase: "running" }), true)?.what, "running");
  assert.equal(lossOf(after({}, { phase: "running" }), false), null);
  assert.equal(lossOf(after({}, { phase: "paused" }), true), null);
});

test("steps are unkept until a file or a copy has them", () => {
  assert.deepEqual([after({}), after({ saved_step: 40 }), after({ kept_step: 39 }), INITIAL].map(isUnkept), [true, false, true, false]);
});
