// The loss curves: their size is bounded, and thinning preserves their shape.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Curves, POINTS } from "../../lab/state/curves.js";

/** @param {number} first @param {number} count @param {(step: number) => number|null} loss */
function progress(first, count, loss) {
  const steps = Array.from({ length: count }, (_, index) => first + index);
  return /** @type {any} */ ({ type: "progress", steps, losses: steps.map(loss) });
}

/** @param {number} step @param {number|null} val_loss */
const evaluated = (step, val_loss) => /** @type {any} */ ({ type: "evaluated", step, val_loss });

test("each step is one point", () => {
  const curves = new Curves();
  curves.handle(evaluated(0, 4.5));
  curves.handle(progress(1, 3, (step) => 4 - step));
  curves.handle(evaluated(3, 2.5));
  const [steps, losses, smoothed, validation] = curves.columns;
  assert.deepEqual(steps, [0, 1, 2, 3]);
  assert.deepEqual(losses, [null, 3, 2, 1]);
  assert.deepEqual(validation, [4.5, null, null, 2.5]);
  assert.equal(smoothed[1], 3);
  // Double exponential smoothing with weight 0.1: once = 2.9, twice = 2.99.
  assert.ok(Math.abs(Number(smoothed[2]) - (2 * 2.9 - 2.99)) < 1e-12);
});

test("a million steps become at most 2000 points, each the mean of its steps", () => {
  const curves = new Curves();
  for (let step = 1; step <= 1_000_000; step += 100) {
    curves.handle(progress(step, 100, (at) => (at % 2 ? 1 : 3)));
    if (step % 1000 === 1) curves.handle(evaluated(step, 2.5));
  }
  const [steps, losses, , validation] = curves.columns;
  assert.ok(steps.length > 900 && steps.length <= POINTS && POINTS === 2000);
  assert.ok(Number(steps.at(-1)) > 990_000);
  assert.ok(steps.every((at, index) => index === 0 || at > Number(steps[index - 1])));
  assert.deepEqual(losses.filter((loss) => loss !== null && Math.abs(loss - 2) > 1e-9), []);
  assert.ok(validation.filter(Boolean).length > 400);
});

test("a curve thinned by Python is drawn like one thinned here", () => {
  const curves = new Curves();
  const training = Array.from({ length: 1000 }, (_, index) => [512 * (index + 1), 2, 512]);
  curves.handle(/** @type {any} */ ({ type: "curve", training: [...training, [512_100, 4, 100]], validation: [[0, 3, null], [512_000, 2.5, null]] }));
  assert.equal(curves.stride, 512);
  assert.equal(curves.columns[0].length, 1001);
  assert.equal(curves.columns[3][0], 3);
  // The last row was incomplete: 412 more steps complete it.
  curves.handle(progress(512_101, 412, () => 4));
  assert.deepEqual([curves.columns[0].length, curves.columns[0].at(-1), curves.columns[1].at(-1)], [1002, 512_512, 4]);
});

test("equal losses are drawn alike, whether a row has one step or the mean of several", () => {
  const [single, means] = [new Curves(), new Curves()];
  const losses = [4, 3, 2.5, 2.75, 2, 2.25].flatMap((loss) => Array(8).fill(loss));
  single.replay({ training: losses.map((loss, index) => [index + 1, loss, 1]), validation: [] });
  means.replay({ training: losses.filter((_, index) => index % 4 === 3).map((loss, index) => [4 * index + 4, loss, 4]), validation: [] });
  assert.deepEqual(means.columns[0], [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48]);
  for (const [index, step] of means.columns[0].entries()) {
    assert.ok(Math.abs(Number(means.columns[2][index]) - Number(single.columns[2][step - 1])) < 1e-12, `step ${step}`);
  }
});

test("resuming from an earlier step removes the later points", () => {
  const curves = new Curves();
  curves.handle(progress(1, 10, (step) => step));
  curves.handle(/** @type {any} */ ({ type: "resumed", step: 6 }));
  assert.deepEqual(curves.columns[0], [1, 2, 3, 4, 5, 6]);
  curves.handle(progress(6, 3, (step) => 10 * step));
  assert.deepEqual(curves.columns[0].slice(-2), [7, 8]);
  assert.deepEqual(curves.columns[1].slice(-3), [6, 70, 80]);
  curves.handle(/** @type {any} */ ({ type: "resumed", step: 0 })); // what is gone moves no average
  curves.handle(progress(1, 1, () => 3));
  assert.equal(curves.columns[2][0], 3);
});

test("a missing loss is left out", () => {
  const curves = new Curves();
  curves.handle(progress(1, 3, (step) => (step === 2 ? null : step)));
  assert.deepEqual(curves.columns[0], [1, 3]);
  // A NaN would become the minimum of the chart's scale.
  curves.handle(evaluated(4, null));
  assert.equal(curves.columns[3].at(-1), null);
});

test("a new run clears the curves, and unrelated events do not redraw them", () => {
  const curves = new Curves();
  curves.handle(progress(1, 3, () => 1));
  const before = curves.revision;
  curves.handle(/** @type {any} */ ({ type: "kept", run_id: "", step: 3 }));
  assert.equal(curves.revision, before);
  curves.handle(/** @type {any} */ ({ type: "started" }));
  assert.equal(curves.columns[0].length, 0);
  assert.ok(curves.revision > before);
});

test("an evaluation of the untrained model that arrives late is before the first step", () => {
  const curves = new Curves();
  curves.handle(progress(1, 2, () => 4));
  curves.handle(evaluated(0, 4.5));
  assert.deepEqual(curves.columns, [[0, 1, 2], [null, 4, 4], [null, 4, 4], [4.5, null, null]]);
});
