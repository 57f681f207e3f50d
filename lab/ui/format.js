// Numbers, times and losses, as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

/**
 * 1234567 -> "1.23 M"
 * @param {number} value
 */
export function short(value) {
  if (value >= 999_500_000) return `${(value / 1e9).toPrecision(3)} G`;
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 99_950) return `${Math.round(value / 1e3)} k`;
  if (value >= 9_995) return `${(value / 1e3).toFixed(1)} k`;
  return count(Math.round(value));
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(bytes >= 1e7 ? 0 : 1)} MB`;
  return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  // Rounded first, or 59.6 would be 60 s; and a number is not parted from its unit where a line ends.
  const rounded = Math.max(1, Math.round(seconds));
  if (rounded < 60) return `${rounded}\u00a0s`;
  if (rounded < 600) return `${Math.floor(rounded / 60)}\u00a0min\u00a0${rounded % 60}\u00a0s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)}\u00a0min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)}\u00a0h`;
  return `${Math.round(seconds / 86_400)}\u00a0days`;
}

/** @param {number} seconds */
export function ago(seconds) {
  if (seconds < 90) return "a moment ago";
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes ago`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} hours ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}

/** @param {number} value */
export function loss(value) {
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 3 : 2) : "–";
}

/**
 * What a loss means: its exponential is the number of symbols one would have to guess among to be as unsure.
 * @param {number} value
 * @param {number} vocabulary
 * @param {string} symbol  "character", "byte" or "token"
 */
export function inWords(value, vocabulary, symbol) {
  const blind = Math.log(vocabulary);
  const guess = `Guessing blindly among ${count(vocabulary)} ${symbol}s costs ${blind.toFixed(2)}.`;
  if (!Number.isFinite(value)) return guess;
  const among = Math.exp(value);
  if (value >= blind - 0.05) return `${guess} The model is at ${value.toFixed(2)}: it knows nothing yet.`;
  const choices = among < 10 ? among.toFixed(1) : count(among);
  return `${guess} The model is at ${value.toFixed(2)}, as unsure as if it chose among ${choices}.`;
}

/** @param {number} share */
export function percent(share) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(share > 0.99 && share < 1 ? 1 : 0)} %` : "–";
}

/**
 * What counting alone would cost, in one sentence.
 * @param {Record<string, number>} baselines
 * @param {string} symbol
 */
export function counting({ unigram, bigram, trigram }, symbol) {
  if (unigram === undefined || bigram === undefined || trigram === undefined) return "";
  return `Who only counts ${symbol}s is at ${unigram.toFixed(2)}, pairs of them at ${bigram.toFixed(2)}, triples at ${trigram.toFixed(2)}.`;
}

/** Short names of fields, for labels. What is not here is called by its own name. */
export const LABELS = /** @type {Record<string, string>} */ ({
  "data.layout": "Layout",
  "data.tokenizer": "Tokens",
  "data.vocab_size": "Vocabulary",
  "data.val_fraction": "Validation share",
  "model.kind": "Architecture",
  "model.n_layer": "Layers",
  "model.n_head": "Heads",
  "model.n_kv_head": "Key heads",
  "model.n_embd": "Width",
  "model.block_size": "Context",
  "model.dropout": "Dropout",
  "model.dropout_embedding": "Embedding dropout",
  "model.dropout_attention": "Attention dropout",
  "model.bias": "Biases",
  "model.tie_weights": "Tie weights",
  "model.init_std": "Initial spread",
  "model.init": "First weights",
  "model.dtype": "Numbers",
  "model.norm": "Norm",
  "model.norm_place": "Norm place",
  "model.norm_scale": "Norm scales",
  "model.norm_embedding": "Embedding norm",
  "model.norm_final": "Final norm",
  "model.positions": "Positions",
  "model.rope_base": "RoPE base",
  "model.mlp": "MLP",
  "model.mlp_ratio": "MLP ratio",
  "model.window": "Attention window",
  "model.qk_norm": "Query-key norm",
  "model.attention_cap": "Attention cap",
  "model.attention_sinks": "Attention sinks",
  "model.attention_gate": "Attention gate",
  "model.logit_cap": "Logit cap",
  "optim.name": "Optimizer",
  "optim.learning_rate": "Learning rate",
  "optim.min_learning_rate": "Final rate",
  "optim.schedule": "Schedule",
  "optim.warmup_steps": "Warm-up steps",
  "optim.fall_every": "Steps a fall",
  "optim.fall_factor": "Factor of a fall",
  "optim.weight_decay": "Weight decay",
  "optim.decay_groups": "What decays",
  "optim.momentum": "Momentum",
  "optim.nesterov": "Nesterov",
  "optim.beta1": "Beta 1",
  "optim.beta2": "Beta 2",
  "optim.epsilon": "Epsilon",
  "optim.label_smoothing": "Label smoothing",
  "optim.z_loss": "Z-loss",
  "optim.ema": "Averaged weights",
  "optim.grad_clip": "Gradient clip",
  "train.steps": "Steps",
  "train.batch_size": "Batch",
  "train.accumulation": "Passes a step",
  "train.eval_every": "Evaluate every",
  "train.eval_batches": "Evaluation batches",
  "train.log_every": "Log every",
  "train.seed": "Seed",
  "train.answers_only": "Learn answers only",
});

/** @param {string} field */
export function label(field) {
  return LABELS[field] ?? field.split(".").pop() ?? field;
}

/**
 * What the engine says, in the words of the page: "choose a multiple of Heads", where a command line has model.n_head.
 * @param {string} message
 */
export function inLabels(message) {
  return message.replace(/\b(?:data|model|optim|train)\.\w+/g, (field) => LABELS[field] ?? field);
}
