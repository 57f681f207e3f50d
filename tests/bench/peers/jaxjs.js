// The same GPT in jax-js: one jitted function takes weights, Adam's moments and a batch; it returns the loss and the new
// weights and moments. "?device=wasm" or "webgpu". Passing an array transfers its ownership; `.ref` keeps it.

import { blockUntilReady, defaultDevice, init, jit, lax, nn, numpy as np, random, tree, valueAndGrad } from "./node_modules/@jax-js/jax/dist/index.js";
import { offer } from "./measure.js";

const device = new URLSearchParams(location.search).get("device") ?? "wasm";
const devices = await init(device);
if (!devices.includes(device)) throw new Error(`jax-js has no device ${device} here`);
defaultDevice(device);

/** Layer norm of each row, with a learned scale. */
function norm(x, weight) {
  return nn.standardize(x, -1, { epsilon: 1e-5 }).mul(weight);
}

/** ids (B, T) -> the output of the final norm (B, T, C), or the logits of a bigram. Consumes `ids`, not the weights. */
function forward(w, work, ids) {
  const { heads, width, vocabulary, layers } = work;
  const [batch, block] = ids.shape;
  // A product with one-hot rows, as in the library's examples: it has no gradient for a gather.
  const hot = lax.stopGradient(nn.oneHot(ids, vocabulary));
  if (work.kind === "bigram") return np.dot(hot, w["table.tokens"].ref);
  let x = np.dot(hot, w["embedding.tokens"].ref).add(w["embedding.positions"].ref);
  const size = width / heads;
  for (let layer = 0; layer < layers; layer++) {
    const of = (name) => w[`blocks.${layer}.${name}.weight`].ref;
    const qkv = np.dot(norm(x.ref, of("norm_1")), of("attention.qkv"));
    const [q, k, v] = np.split(qkv, 3, -1).map((part) => part.reshape([batch, block, heads, size]));
    const mixed = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([batch, block, width]);
    x = x.add(np.dot(mixed, of("attention.projection")));
    x = x.ref.add(np.dot(nn.gelu(np.dot(norm(x, of("norm_2")), of("mlp.expand"))), of("mlp.contract")));
  }
  return norm(x, w["norm.weight"].ref);
}

const head = (w, work, x) => (work.kind === "bigram" ? x : np.dot(x, w["head.weight"].ref));

async function start(work) {
  const { block, batch, vocabulary, learning_rate, beta1, beta2, epsilon } = work;
  const lossOf = (w, inputs, targets) => {
    const scores = nn.logSoftmax(head(w, work, forward(w, work, inputs)));
    const hot = lax.stopGradient(nn.oneHot(targets, vocabulary));
    tree.dispose(w);
    return scores.mul(hot).sum().mul(-1 / (batch * block));
  };
  // The bias corrections are arguments: 1 / (1 - beta^t).
  const update = jit((w, first, second, inputs, targets, firstScale, secondScale) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(w), inputs, targets);
    const next = [{}, {}, {}];
    for (const name of Object.keys(w)) {
      const gradient = gradients[name];
      const m = first[name].mul(beta1).add(gradient.ref.mul(1 - beta1));
      const v = second[name].mul(beta2).add(gradient.ref.mul(gradient).mul(1 - beta2));
      const step = m.ref.mul(firstScale.ref).div(np.sqrt(v.ref.mul(secondScale.ref)).add(epsilon)).mul(learning_rate);
      next[0][name] = w[name].sub(step);
      next[1][name] = m;
      next[2][name] = v;
    }
    firstScale.dispose();
    secondScale.dispose();
    return [loss, ...next];
  });
  const lastRow = jit((w, ids, last) => {
    const x = forward(w, work, ids);
    // Select the requested row before the head.
    const row = np.dot(nn.oneHot(last, block), x.reshape([block, x.shape[2]]));
    const scores = head(w, work, row);
    tree.dispose(w);
    return scores;
  });
  const place = (make) => Object.fromEntries(Object.entries(work.weights).map(([name, weight]) => [name, make(weight)]));
  let w = place(({ values, shape }) => np.array(values).reshape(shape));
  let first = place(({ shape }) => np.zeros(shape));
  let second = place(({ shape }) => np.zeros(shape));
  let steps = 0;
  return {
    async step(inputs, targets) {
      steps += 1;
      const ids = (values) => np.array(values, { dtype: np.int32 }).reshape([batch, block]);
      let loss;
      [loss, w, first, second] = update(w, first, second, ids(inputs), ids(targets),
        np.array([1 / (1 - beta1 ** steps)]), np.array([1 / (1 - beta2 ** steps)]));
      return (await loss.data())[0];
    },
    async scores(window, last) {
      const ids = np.array(window, { dtype: np.int32 }).reshape([1, block]);
      return lastRow(tree.ref(w), ids, np.array(new Int32Array([last]), { dtype: np.int32 })).data();
    },
    close() {
      for (const held of [w, first, second]) tree.dispose(held);
    },
  };
}

async function multiply(m, k, n) {
  const x = random.normal(random.key(0), [m, k]);
  const y = random.normal(random.key(1), [k, n]);
  await blockUntilReady([x, y]);
  const product = jit((a, b) => np.matmul(a, b));
  // Keep all products until they are computed: jax-js never computes an array that is disposed of unread.
  const made = [];
  return {
    run() {
      made.push(product(x.ref, y.ref));
    },
    async done() {
      await blockUntilReady(made);
      made.splice(0).forEach((array) => array.dispose());
    },
  };
}

offer(`jax-js 0.1.25, ${device}`, start, multiply);
