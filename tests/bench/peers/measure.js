// The interface of every peer's page: window.runBench and window.runMatmul, as on our own page (lab/bench.js), with the
// work from tests/bench/work.py. A peer provides `start` and `multiply`.

const SAMPLE_MS = 5; // minimum duration of one timed group of steps: the clock has a resolution of 0.1 ms

/**
 * @typedef {object} Work  weights by name, batches, and sizes
 * @typedef {{step: (inputs: Int32Array, targets: Int32Array) => Promise<number>,
 *            scores: (window: Int32Array, last: number) => Promise<Float32Array>, close: () => void}} Model
 *   step: runs one update and returns the loss before it; scores: the logits at position `last` of a whole block
 */

/**
 * @param {string} name
 * @param {(work: Work) => Promise<Model>} start
 * @param {(m: number, k: number, n: number) => Promise<{run: () => Promise<void>|void, done: () => Promise<void>}>} multiply
 */
export function offer(name, start, multiply) {
  window.peer = name;
  window.runBench = (options) => bench(start, options);
  window.runMatmul = async ({ m, k, n, reps }) => {
    const product = await multiply(m, k, n);
    await product.run();
    await product.done();
    const began = performance.now();
    for (let rep = 0; rep < reps; rep++) await product.run();
    await product.done();
    const ms = (performance.now() - began) / reps;
    return { ms, gflops: (2 * m * k * n) / ms / 1e6 };
  };
  window.ready = true;
}

async function load(size, batch) {
  const work = await (await fetch(`./work/${size}-${batch}.json`)).json();
  const bytes = await (await fetch(`./work/${work.bytes}`)).arrayBuffer();
  work.weights = Object.fromEntries(Object.entries(work.tensors).map(([name, { offset, shape }]) => [
    name, { shape, values: new Float32Array(bytes, offset, shape.reduce((product, side) => product * side, 1)) },
  ]));
  const length = work.batch * work.block;
  work.pairs = Array.from({ length: work.batches }, (_, index) => {
    const at = work.weight_bytes + index * 2 * length * 4;
    return [new Int32Array(bytes, at, length), new Int32Array(bytes, at + length * 4, length)];
  });
  return work;
}

async function bench(start, { size, batch_size, steps = 100, warmup = 2, min_steps = 3, max_ms = 5000, sample_tokens = 0 }) {
  const work = await load(size, batch_size);
  const loss = [];
  const began = performance.now();
  const model = await start(work);
  const step = async () => {
    const [inputs, targets] = work.pairs[loss.length % work.batches];
    loss.push(await model.step(inputs, targets));
  };
  await step();
  const first_step_ms = performance.now() - began;
  for (let count = 0; count < warmup; count++) await step();
  let times = [];
  let atOnce = 1;
  let done = 0;
  const started = performance.now();
  while (done < steps) {
    if (performance.now() - started > max_ms && done >= min_steps) break;
    atOnce = Math.min(atOnce, steps - done);
    const from = performance.now();
    for (let count = 0; count < atOnce; count++) await step();
    const took = performance.now() - from;
    done += atOnce;
    // A group shorter than SAMPLE_MS counts only until there is a longer one.
    if (took >= SAMPLE_MS || !times.length) times.push(took / atOnce);
    if (took < SAMPLE_MS && done + 2 * atOnce <= steps) {
      atOnce *= 2;
      times = [];
    }
  }
  const sample_tok_s = sample_tokens ? await sampling(work, model, sample_tokens, max_ms) : null;
  model.close();
  return { ms_per_step: times, first_step_ms, loss, sample_tok_s };
}

/** Tokens per second at temperature 0.8. The window is always a whole block, so the shapes never change. */
async function sampling(work, model, count, longest) {
  const text = [0];
  const next = async () => {
    const recent = text.slice(-work.block);
    const window = new Int32Array(work.block);
    window.set(recent);
    const scores = await model.scores(window, recent.length - 1);
    text.push(draw(scores, 0.8));
  };
  for (let index = 0; index < 4; index++) await next();
  const began = performance.now();
  let made = 0;
  for (; made < count && performance.now() - began < longest; made++) await next();
  return (1000 * made) / (performance.now() - began);
}

function draw(scores, temperature) {
  const highest = Math.max(...scores);
  const weights = Array.from(scores, (score) => Math.exp((score - highest) / temperature));
  let left = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
  const chosen = weights.findIndex((weight) => (left -= weight) <= 0);
  return chosen < 0 ? weights.length - 1 : chosen;
}
