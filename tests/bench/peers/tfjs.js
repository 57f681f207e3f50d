// The same GPT in TensorFlow.js: variables, tf.train.adam, tensors freed by tf.tidy. "?device=wasm" or "webgpu".

import { offer } from "./measure.js";

const tf = window.tf;
const device = new URLSearchParams(location.search).get("device") ?? "wasm";
tf.wasm.setWasmPaths(new URL("./node_modules/@tensorflow/tfjs-backend-wasm/dist/", location.href).href);
await tf.setBackend(device);
await tf.ready();
if (tf.getBackend() !== device) throw new Error(`TensorFlow.js has no backend ${device} here`);
tf.enableProdMode();

/** Layer norm of each row, with a learned scale. */
function norm(x, weight) {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).mul(variance.add(1e-5).rsqrt()).mul(weight);
}

function gelu(x) {
  const inner = x.mul(x).mul(0.044715).add(1).mul(x).mul(Math.sqrt(2 / Math.PI));
  return inner.tanh().add(1).mul(x).mul(0.5);
}

/** ids (B x T) -> the output of the final norm (B x T, C), or the logits of a bigram. */
function forward(w, work, ids, batch) {
  const { block, heads, width, vocabulary, layers } = work;
  // A product with one-hot rows: its gradient is also a product, which the backends compute fast.
  // The cast is needed because oneHot of the WebAssembly backend always returns integers (4.22).
  const hot = tf.oneHot(ids, vocabulary).toFloat();
  if (work.kind === "bigram") return tf.matMul(hot, w["table.tokens"]);
  const tokens = tf.matMul(hot, w["embedding.tokens"]).reshape([batch, block, width]);
  let x = tokens.add(w["embedding.positions"]).reshape([batch * block, width]);
  const size = width / heads;
  for (let layer = 0; layer < layers; layer++) {
    const of = (name) => w[`blocks.${layer}.${name}.weight`];
    const qkv = tf.matMul(norm(x, of("norm_1")), of("attention.qkv"));
    const [q, k, v] = tf.split(qkv, 3, 1).map((part) => part.reshape([batch, block, heads, size]).transpose([0, 2, 1, 3]));
    const scores = tf.matMul(q, k, false, true).mul(1 / Math.sqrt(size)).add(work.mask);
    const mixed = tf.matMul(tf.softmax(scores), v).transpose([0, 2, 1, 3]).reshape([batch * block, width]);
    x = x.add(tf.matMul(mixed, of("attention.projection")));
    x = x.add(tf.matMul(gelu(tf.matMul(norm(x, of("norm_2")), of("mlp.expand"))), of("mlp.contract")));
  }
  return norm(x, w["norm.weight"]);
}

async function start(work) {
  const w = Object.fromEntries(Object.entries(work.weights).map(([name, { shape, values }]) => [
    name, tf.variable(tf.tensor(values, shape), true),
  ]));
  const { block, batch, vocabulary } = work;
  work.mask = tf.tidy(() => tf.linalg.bandPart(tf.ones([block, block]), -1, 0).sub(1).mul(1e9));
  const optimizer = tf.train.adam(work.learning_rate, work.beta1, work.beta2, work.epsilon);
  const head = (x) => (work.kind === "bigram" ? x : tf.matMul(x, w["head.weight"]));
  return {
    async step(inputs, targets) {
      const loss = optimizer.minimize(() => {
        const logits = head(forward(w, work, tf.tensor1d(inputs, "int32"), batch));
        return tf.losses.softmaxCrossEntropy(tf.oneHot(tf.tensor1d(targets, "int32"), vocabulary), logits);
      }, true);
      const [value] = await loss.data();
      loss.dispose();
      return value;
    },
    async scores(window, last) {
      const row = tf.tidy(() => head(forward(w, work, tf.tensor1d(window, "int32"), 1).slice([last, 0], [1, -1])));
      const values = await row.data();
      row.dispose();
      return values;
    },
    close() {
      optimizer.dispose();
      work.mask.dispose();
      Object.values(w).forEach((variable) => variable.dispose());
    },
  };
}

async function multiply(m, k, n) {
  const x = tf.randomNormal([m, k]);
  const y = tf.randomNormal([k, n]);
  let product = null;
  return {
    run() {
      product?.dispose();
      product = tf.matMul(x, y);
    },
    async done() {
      await product.slice([0, 0], [1, 1]).data();
    },
  };
}

offer(`TensorFlow.js ${tf.version.tfjs}, ${device}`, start, multiply);
