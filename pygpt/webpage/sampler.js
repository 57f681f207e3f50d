// Continues a prompt token by token, as pygpt/inference/sampler.py does: a full window is cut to its newest half, and the
// random numbers are those of pygpt for the same seed.

import { Model } from "./model.js";

const SAMPLE = 5 << 16; // the purpose of a draw, see pygpt/ops/threefry.py
const ROTATIONS = [[13, 15, 26, 6], [17, 29, 16, 24]];

/** The first word of Threefry-2x32-20. @param {number} key0 @param {number} key1 @param {number} counter0 @param {number} counter1 */
export function threefry(key0, key1, counter0, counter1) {
  const keys = [key0, key1, key0 ^ key1 ^ 0x1bd11bda];
  let [x0, x1] = [(counter0 + key0) | 0, (counter1 + key1) | 0];
  for (let turn = 1; turn <= 5; turn += 1) {
    for (const rotation of ROTATIONS[(turn - 1) % 2]) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << rotation) | (x1 >>> (32 - rotation))) ^ x0;
    }
    x0 = (x0 + keys[turn % 3]) | 0;
    x1 = (x1 + keys[(turn + 1) % 3] + turn) | 0;
  }
  return x0 >>> 0;
}

/** The next token: the likeliest at temperature 0, else one drawn with u in [0, 1). See pygpt/ops/sample.py.
 * @param {Float32Array} logits @param {number} temperature @param {number} topK  0 for all @param {number} u */
export function draw(logits, temperature, topK, u) {
  let best = 0;
  for (let token = 0; token < logits.length; token += 1) {
    if (!Number.isFinite(logits[token])) throw new Error("The model's numbers are not finite: its weights are damaged.");
    if (logits[token] > logits[best]) best = token;
  }
  if (temperature === 0) return best;
  const least = topK > 0 && topK < logits.length ? Array.from(logits).sort((one, other) => other - one)[topK - 1] : -Infinity;
  const shares = Array.from(logits, (logit) => (logit < least ? 0 : Math.exp((logit - logits[best]) / temperature)));
  const threshold = u * shares.reduce((sum, share) => sum + share, 0);
  let [sum, last] = [0, best];
  for (const [token, share] of shares.entries()) {
    sum += share;
    if (sum > threshold) return token;
    if (share > 0) last = token;
  }
  return last; // rounding can put the threshold past it
}

/**
 * Yields the tokens after `ids`, which are those of a prompt.
 * @param {Model} model @param {number[]} ids @param {{temperature: number, topK: number, seed: number}} options
 */
export function* sample(model, ids, { temperature, topK, seed }) {
  const block = model.settings.block_size;
  let window = ids.slice(-block);
  let known = 0; // tokens of the window that are in the cache
  for (let count = 0; ; count += 1) {
    for (; known < window.length - 1; known += 1) model.logits(window[known], known);
    const logits = model.logits(window[known], known);
    known += 1;
    const token = draw(logits, temperature, topK, (threefry(seed, SAMPLE, count, 0) >>> 8) * 2 ** -24);
    yield token;
    if (window.length === block) {
      const kept = Math.floor(block / 2);
      window = window.slice(block - kept);
      known = 0;
    }
    window.push(token);
  }
}
