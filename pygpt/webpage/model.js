// The forward pass of a model, token by token, with the keys and values of earlier tokens in a cache: what pygpt/models
// computes, in plain JavaScript. Sums are in double precision, and what is kept is float32.

const SLOPE = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

/** @param {number} x */
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
/** @param {number} x */
const geluSigmoid = (x) => sigmoid(2 * SLOPE * (x + CUBIC * x * x * x));

/** x times the standard normal CDF at x, by the Chebyshev series of pygpt/ops/activation.py.
 * @param {number} x @param {number[]} series */
function exactGelu(x, series) {
  const t = 1 / (1 + Math.abs(x) * Math.SQRT2 / 4);
  const twice = 4 * t - 2;
  let [value, before] = [0, 0];
  for (let term = series.length - 1; term > 0; term -= 1) [value, before] = [twice * value - before + series[term], value];
  const upper = t * Math.exp(-0.5 * x * x + (twice / 2) * value - before + series[0]) / 2; // the CDF at -|x|
  return x * (x > 0 ? 1 - upper : upper);
}

/** The activations of the MLP by their names; a gated one also has the second hidden layer.
 * @type {Record<string, (x: number, z: number, series: number[]) => number>} */
const ACTIVATIONS = {
  gelu: (x) => x * geluSigmoid(x),
  gelu_erf: (x, _, series) => exactGelu(x, series),
  relu: (x) => Math.max(x, 0),
  relu_squared: (x) => Math.max(x, 0) ** 2,
  silu: (x) => x * sigmoid(x),
  swiglu: (x, z) => x * sigmoid(x) * z,
  geglu: (x, z) => x * geluSigmoid(x) * z,
};

/**
 * The settings of a model and its constant tables; the arrays of `tables` are among the weights.
 * @typedef {{kind: string, n_layer: number, n_head: number, kv_heads: number, head_size: number, n_embd: number, block_size: number,
 *   norm: string, norm_epsilon: number, norm_place: string, norm_embedding: boolean, norm_final: boolean, mlp: string, window: number,
 *   qk_norm: boolean, attention_cap: number, logit_cap: number, slopes: number[], erfc: number[]}} Settings
 */

/** x (n) times the matrix `name`.weight (n, m), plus its bias if there is one.
 * @param {Record<string, Float32Array>} weights @param {string} name @param {Float32Array} x */
function linear(weights, name, x) {
  const weight = array(weights, `${name}.weight`);
  const bias = weights[`${name}.bias`];
  const width = weight.length / x.length;
  const sums = new Float64Array(width);
  for (let row = 0; row < x.length; row += 1) {
    const factor = x[row];
    const start = row * width;
    for (let column = 0; column < width; column += 1) sums[column] += factor * weight[start + column];
  }
  if (bias) for (let column = 0; column < width; column += 1) sums[column] += bias[column];
  return Float32Array.from(sums);
}

/** @param {Record<string, Float32Array>} weights @param {string} name */
function array(weights, name) {
  const found = weights[name];
  if (!found) throw new Error(`this file lacks the array ${name}: it is damaged`);
  return found;
}

/** The softmax of scores, which become the probabilities; a sink has a share that goes to nothing.
 * @param {Float64Array} scores @param {number|undefined} sink */
function softmax(scores, sink) {
  let peak = sink ?? -Infinity;
  for (const score of scores) peak = Math.max(peak, score);
  let total = sink === undefined ? 0 : Math.exp(sink - peak);
  for (let index = 0; index < scores.length; index += 1) total += scores[index] = Math.exp(scores[index] - peak);
  for (let index = 0; index < scores.length; index += 1) scores[index] /= total;
}

export class Model {
  /** @param {Settings} settings @param {Record<string, Float32Array>} weights */
  constructor(settings, weights) {
    this.settings = settings;
    this.weights = weights;
    const width = (settings.n_head + 2 * settings.kv_heads) * settings.head_size;
    /** @type {Float32Array[]} queries, keys and values of the tokens so far, a row for each position */
    this.caches = settings.kind === "gpt"
      ? Array.from({ length: settings.n_layer }, () => new Float32Array(settings.block_size * width)) : [];
  }

  /** The logits (V) of the token after `token`, which is at `position`; the tokens before it are in the cache.
   * @param {number} token @param {number} position */
  logits(token, position) {
    if (this.settings.kind !== "gpt") return this.row("table.tokens", token);
    const hidden = this.hidden(token, position);
    const { norm_final: normed, logit_cap: cap } = this.settings;
    const x = normed ? this.norm("norm", hidden) : hidden;
    const logits = this.weights["head.weight"] ? linear(this.weights, "head", x) : this.tied(x);
    return cap ? logits.map((logit) => cap * Math.tanh(logit / cap)) : logits;
  }

  /** The output of the last block for a token, which is added to the cache.
   * @param {number} token @param {number} position */
  hidden(token, position) {
    const { settings, weights } = this;
    /** @type {Float32Array} */
    let x = this.row("embedding.tokens", token);
    if (weights["embedding.positions"]) x = add(x, this.row("embedding.positions", position));
    if (settings.norm_embedding) x = this.norm("norm_embedding", x);
    for (let layer = 0; layer < settings.n_layer; layer += 1) {
      const block = `blocks.${layer}`;
      if (settings.norm_place === "post") {
        x = this.norm(`${block}.norm_1`, add(x, this.attention(layer, x, position)));
        x = this.norm(`${block}.norm_2`, add(x, this.mlp(block, x)));
      } else {
        x = add(x, this.attention(layer, this.norm(`${block}.norm_1`, x), position));
        x = add(x, this.mlp(block, this.norm(`${block}.norm_2`, x)));
      }
    }
    return x;
  }

  /** @param {string} name @param {number} index */
  row(name, index) {
    const table = array(this.weights, name);
    const width = this.settings.kind === "gpt" ? this.settings.n_embd : Math.sqrt(table.length);
    return table.slice(index * width, (index + 1) * width);
  }

  /** The logits by the token embeddings, for tied weights. @param {Float32Array} x */
  tied(x) {
    const tokens = array(this.weights, "embedding.tokens");
    return Float32Array.from({ length: tokens.length / x.length }, (_, token) => dot(tokens, token * x.length, x, 0, x.length));
  }

  /** @param {string} name @param {Float32Array} x */
  norm(name, x) {
    const { norm, norm_epsilon: epsilon } = this.settings;
    if (norm === "none") return x;
    let mean = 0;
    if (norm === "layernorm") for (const value of x) mean += value / x.length;
    let square = 0;
    for (const value of x) square += (value - mean) ** 2 / x.length;
    const inverse = 1 / Math.sqrt(square + epsilon);
    const weight = this.weights[`${name}.weight`];
    const bias = this.weights[`${name}.bias`];
    return x.map((value, index) => (value - mean) * inverse * (weight ? weight[index] : 1) + (bias ? bias[index] : 0));
  }

  /** @param {string} block @param {Float32Array} x */
  mlp(block, x) {
    const { mlp, erfc } = this.settings;
    const activation = ACTIVATIONS[mlp];
    if (!activation) throw new Error(`this file has the activation ${mlp}, which its sampler does not know`);
    const hidden = linear(this.weights, `${block}.mlp.expand`, x);
    const factor = this.weights[`${block}.mlp.factor.weight`] ? linear(this.weights, `${block}.mlp.factor`, x) : hidden;
    return linear(this.weights, `${block}.mlp.contract`, hidden.map((value, index) => activation(value, factor[index], erfc)));
  }

  /** @param {number} layer @param {Float32Array} x @param {number} position */
  attention(layer, x, position) {
    const { n_head: heads, kv_heads: shared, head_size: size, window, attention_cap: cap, slopes } = this.settings;
    const name = `blocks.${layer}.attention`;
    const qkv = linear(this.weights, `${name}.qkv`, x);
    if (this.settings.qk_norm) this.normalizeHeads(qkv, this.weights[`${name}.qk_scale`]);
    if (this.weights.rope) this.rotate(qkv, position);
    const cache = this.caches[layer];
    cache.set(qkv, position * qkv.length);
    const sinks = this.weights[`${name}.sinks`];
    const first = window ? Math.max(0, position + 1 - window) : 0;
    const y = new Float32Array(heads * size);
    for (let head = 0; head < heads; head += 1) {
      const group = Math.floor(head / (heads / shared));
      const key = (heads + group) * size;
      const value = key + shared * size;
      const scores = new Float64Array(position + 1 - first);
      for (let row = first; row <= position; row += 1) {
        let score = dot(qkv, head * size, cache, row * qkv.length + key, size) / Math.sqrt(size);
        if (cap) score = cap * Math.tanh(score / cap);
        scores[row - first] = score - (slopes[head] ?? 0) * (position - row);
      }
      softmax(scores, sinks?.[head]);
      for (let channel = 0; channel < size; channel += 1) {
        let sum = 0;
        for (let row = first; row <= position; row += 1) sum += scores[row - first] * cache[row * qkv.length + value + channel];
        y[head * size + channel] = sum;
      }
    }
    if (this.weights[`${name}.gate.weight`]) {
      const gate = linear(this.weights, `${name}.gate`, x);
      for (let channel = 0; channel < y.length; channel += 1) y[channel] *= sigmoid(gate[channel]);
    }
    return linear(this.weights, `${name}.projection`, y);
  }

  /** RMS norm of each query and key head. @param {Float32Array} qkv @param {Float32Array|undefined} scale  (2 D) */
  normalizeHeads(qkv, scale) {
    const { n_head: heads, kv_heads: shared, head_size: size, norm_epsilon: epsilon } = this.settings;
    for (let head = 0; head < heads + shared; head += 1) {
      const start = head * size;
      const inverse = 1 / Math.sqrt(dot(qkv, start, qkv, start, size) / size + epsilon);
      for (let channel = 0; channel < size; channel += 1) {
        qkv[start + channel] *= inverse * (scale ? scale[(head < heads ? 0 : size) + channel] : 1);
      }
    }
  }

  /** Rotates elements i and i + D/2 of each query and key head by the angles of a position.
   * @param {Float32Array} qkv @param {number} position */
  rotate(qkv, position) {
    const { n_head: heads, kv_heads: shared, head_size: size } = this.settings;
    const table = array(this.weights, "rope").subarray(position * size, (position + 1) * size);
    const half = size / 2;
    for (let start = 0; start < (heads + shared) * size; start += size) {
      for (let index = 0; index < half; index += 1) {
        const [a, b, cosine, sine] = [qkv[start + index], qkv[start + half + index], table[index], table[half + index]];
        qkv[start + index] = a * cosine - b * sine;
        qkv[start + half + index] = a * sine + b * cosine;
      }
    }
  }
}

/** @param {Float32Array} left @param {Float32Array} right */
function add(left, right) {
  return left.map((value, index) => value + right[index]);
}

/** @param {Float32Array} left @param {number} from @param {Float32Array} right @param {number} at @param {number} length */
function dot(left, from, right, at, length) {
  let sum = 0;
  for (let index = 0; index < length; index += 1) sum += left[from + index] * right[at + index];
  return sum;
}
