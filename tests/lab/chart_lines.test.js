// The lines of the comparison's charts, their axes, and the files made of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsOf, endsOf, hasLines, linesOf } from "../../lab/state/chart_lines.js";
import { chartSvg } from "../../lab/state/chart_svg.js";
import { smoothed } from "../../lab/state/smoothing.js";
import { around, ticks } from "../../lab/state/ticks.js";

const axes = { across: /** @type {const} */ ("step"), unit: /** @type {const} */ ("nats"), smoothing: /** @type {const} */ ("none") };
const experiment = { name: "baby", data: {}, model: { block_size: 8 }, optim: {}, train: { batch_size: 4, accumulation: 2 } };
const run = (/** @type {Record<string, any>} */ facts = {}) => ({
  type: /** @type {const} */ ("run_read"), copy: "baby-1", experiment, text_sha256: "ab", began_from: "", samples: [], bytes_per_token: 2,
  training: [[10, 2, 10], [20, 1, 10]], validation: [[0, 4, null], [20, 1.5, 0.25]],
  metrics: { step: [10, 20], seconds: [5, 15], grad_norm: [3, null], learning_rate: [0.1, 0.2] }, ...facts,
});

test("a run has its losses by steps, tokens or seconds, without the untrained model's", () => {
  assert.deepEqual(linesOf(run(), "loss", axes), [{ kind: "training", x: [10, 20], y: [2, 1] }, { kind: "validation", x: [20], y: [1.5] }]);
  assert.deepEqual(linesOf(run(), "loss", { ...axes, across: "tokens" }).map(({ x }) => x), [[640, 1280], [1280]]);
  const evaluated = run({ validation: [[15, 1, null], [20, 1, null]] });
  assert.deepEqual(linesOf(evaluated, "loss", { ...axes, across: "seconds" }).map(({ x }) => x), [[5, 15], [10, 15]]);
  assert.deepEqual(linesOf(run({ began_from: "run baby" }), "loss", axes)[1]?.x, [0, 20]);
});

test("a run without times or bytes has no line that would need them", () => {
  assert.deepEqual(linesOf(run({ metrics: { step: [10], loss: [2] } }), "loss", { ...axes, across: "seconds" }), []);
  assert.deepEqual(linesOf(run({ bytes_per_token: null }), "loss", { ...axes, unit: "bits" }), []);
  assert.deepEqual(linesOf(run({ metrics: {} }), "grad_norm", axes), []);
  for (const [facts, chart, change] of /** @type {[Record<string, any>, "loss"|"accuracy"|"grad_norm", Record<string, any>][]} */ ([
    [{}, "loss", {}], [{ metrics: { step: [10] } }, "loss", { across: "seconds" }], [{ bytes_per_token: null }, "loss", { unit: "bits" }],
    [{}, "accuracy", {}], [{ validation: [[20, 1, null]] }, "accuracy", {}], [{ metrics: {} }, "grad_norm", {}], [{}, "grad_norm", { across: "seconds" }],
  ])) assert.equal(hasLines(run(facts), chart, { ...axes, ...change }), linesOf(run(facts), chart, { ...axes, ...change }).length > 0);
});

test("losses are nats, bits per byte or perplexity", () => {
  const training = (/** @type {"bits"|"perplexity"} */ unit) => linesOf(run(), "loss", { ...axes, unit })[0]?.y ?? [];
  assert.ok(Math.abs(Number(training("bits")[0]) - 1 / Math.LN2) < 1e-12);
  assert.ok(Math.abs(Number(training("perplexity")[1]) - Math.E) < 1e-12);
});

test("other metrics have the points that were measured", () => {
  assert.deepEqual(linesOf(run(), "grad_norm", axes), [{ kind: "metric", x: [10], y: [3] }]);
  assert.deepEqual(linesOf(run(), "accuracy", axes), [{ kind: "metric", x: [20], y: [0.25] }]);
  assert.deepEqual(linesOf(run(), "learning_rate", { ...axes, smoothing: "mean20" })[0]?.y, [0.1, 0.2]); // is no measurement
});

test("smoothing is what its name says", () => {
  const values = Array.from({ length: 60 }, (_, index) => index);
  assert.equal(smoothed(values, "mean20")[59], 49.5);
  assert.equal(smoothed(values, "mean20")[1], 0.5);
  assert.deepEqual(smoothed([5, 5, 5], "ema99").map((value) => Number(value.toFixed(9))), [5, 5, 5]);
  const [, second = 0] = smoothed([0, 1], "ema90");
  assert.ok(Math.abs(second - 0.1 / 0.19) < 1e-12);
  assert.equal(smoothed(values, "none"), values);
});

test("lines become columns with one x, and a zoomed line leaves the chart", () => {
  const lines = [{ kind: /** @type {const} */ ("metric"), x: [0, 2, 4, 6], y: [1, 2, 3, 4] }, { kind: /** @type {const} */ ("metric"), x: [3], y: [9] }];
  assert.deepEqual(columnsOf(lines, [0, 6], 100, false), [[0, 2, 3, 4, 6], [1, 2, null, 3, 4], [null, null, 9, null, null]]);
  assert.deepEqual(columnsOf(lines, [3, 3.5], 100, false)[0], [2, 3, 4]);
  assert.deepEqual(columnsOf(lines, [1, 6], 100, true)[0], [2, 3, 4, 6]); // 0 has no logarithm
});

test("as many points are drawn as a chart has room for, each a mean", () => {
  const x = Array.from({ length: 10_000 }, (_, index) => index + 1);
  for (const logarithmic of [false, true]) {
    const [at, values = []] = columnsOf([{ kind: "training", x, y: x.map((step) => step % 2) }], [0, 10_000], 500, logarithmic);
    assert.ok(at.length <= 500 && at.length > 250 && at.at(-1) === 10_000);
    assert.ok(values.slice(-200).every((value) => Math.abs(Number(value) - 0.5) < 0.1));
  }
});

test("the axes end where the lines do, and begin at 0 only if they come near it", () => {
  const line = { kind: /** @type {const} */ ("metric"), x: [0, 10, 100], y: [1, 1, 1] };
  assert.deepEqual([endsOf([line], false), endsOf([line], true), endsOf([], false)], [[0, 100], [10, 100], [0, 1]]);
  assert.deepEqual([around(1, 2, false), around(0.01, 1, false)], [[0.95, 2.05], [0, 1.0495]]);
  const [low, high] = around(1, 10, true);
  assert.ok(low > 0.8 && low < 1 && high > 10 && high < 12);
  assert.deepEqual(around(3, 3, false), [2.7, 3.3]);
  assert.deepEqual(around(null, null, true), [0.1, 1]);
});

test("numbers along an axis are round", () => {
  assert.deepEqual(ticks(0, 40, 5), [0, 10, 20, 30, 40]);
  assert.deepEqual(ticks(1.43, 1.52, 5), [1.44, 1.46, 1.48, 1.5, 1.52]);
  assert.deepEqual(ticks(1, 100, 8, true), [1, 2, 5, 10, 20, 50, 100]);
  assert.deepEqual(ticks(1, 1e6, 8, true), [1, 10, 100, 1000, 1e4, 1e5, 1e6]);
  assert.deepEqual(ticks(1.5, 1.8, 4, true), [1.5, 1.6, 1.7, 1.8]); // no power is between
});

test("a chart is an SVG with its axes, names and lines", () => {
  const { svg, height } = chartSvg({
    title: "Loss <1>", across: "Steps", ends: [0, 10], range: [1, 2], logX: false, logY: false, write: String, colours: { ink: "#000", line: "#ccc", paper: "#fff" },
    lines: [{ name: "a & b", colour: "red", dashed: false, x: [0, 5, 10], y: [2, null, 1] }, { name: "a & b", colour: "red", dashed: true, x: [10], y: [1.5] }],
  });
  assert.match(svg, /Loss &#60;1&#62;/);
  assert.match(svg, /d="M72 48L936 484"/); // from the upper left corner to the lower right one
  assert.equal(svg.match(/a &#38; b/g)?.length, 1);
  assert.equal(svg.match(/stroke-dasharray/g)?.length, 1);
  assert.ok(height > 540);
});
