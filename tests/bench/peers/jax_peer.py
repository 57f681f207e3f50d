"""The same GPT in JAX on the CPU: one jitted update with donated arguments."""

import os

from measure import THREADS, pin, serve

pin()
if THREADS == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402  (after the process is pinned)
import jax.numpy as jnp  # noqa: E402


def norm(x, weight):
    """Layer norm of each row, with a learned scale."""
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * weight


def forward(w, work, ids):
    """ids (B, T) -> the output of the final norm (B, T, C), or the logits of a bigram."""
    if work["kind"] == "bigram":
        return w["table.tokens"][ids]
    batch, length = ids.shape
    heads, width = work["heads"], work["width"]
    x = w["embedding.tokens"][ids] + w["embedding.positions"][:length]
    for layer in range(work["layers"]):
        block = f"blocks.{layer}."
        qkv = norm(x, w[block + "norm_1.weight"]) @ w[block + "attention.qkv.weight"]
        q, k, v = (part.reshape(batch, length, heads, width // heads) for part in jnp.split(qkv, 3, axis=-1))
        y = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(batch, length, width)
        x = x + y @ w[block + "attention.projection.weight"]
        hidden = norm(x, w[block + "norm_2.weight"]) @ w[block + "mlp.expand.weight"]
        x = x + jax.nn.gelu(hidden, approximate=True) @ w[block + "mlp.contract.weight"]
    return norm(x, w["norm.weight"])


class Model:
    """The weights, Adam's two moments, and the jitted functions on them."""

    def __init__(self, work):
        self.block = work["block"]
        self.w = {name: jnp.array(values) for name, values in work["weights"].items()}
        self.first, self.second = (jax.tree.map(jnp.zeros_like, self.w) for _ in range(2))
        self.steps = 0
        rate, beta1, beta2, epsilon = (work[name] for name in ("learning_rate", "beta1", "beta2", "epsilon"))

        def head(w, x):
            return x if work["kind"] == "bigram" else x @ w["head.weight"]

        def loss_of(w, inputs, targets):
            scores = jax.nn.log_softmax(head(w, forward(w, work, inputs)))
            return -jnp.take_along_axis(scores, targets[..., None], axis=-1).mean()

        def update(w, first, second, steps, inputs, targets):
            loss, gradient = jax.value_and_grad(loss_of)(w, inputs, targets)
            first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, first, gradient)
            second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, second, gradient)
            w = jax.tree.map(
                lambda w, m, v: w - rate * (m / (1 - beta1**steps)) / (jnp.sqrt(v / (1 - beta2**steps)) + epsilon),
                w,
                first,
                second,
            )
            return loss, w, first, second

        self.update = jax.jit(update, donate_argnums=(0, 1, 2))
        self.last_row = jax.jit(lambda w, ids, last: head(w, forward(w, work, ids)[0, last]))

    def step(self, inputs, targets):
        """Run one update; return the loss before it."""
        self.steps += 1
        loss, self.w, self.first, self.second = self.update(
            self.w, self.first, self.second, float(self.steps), inputs, targets
        )
        return loss

    def scores(self, window):
        """Return the logits after a window, which is padded to a whole block so that its shape stays constant."""
        return self.last_row(self.w, jnp.array([window + [0] * (self.block - len(window))]), len(window) - 1)


def product(x, w, transpose_x, transpose_w):
    """Return a function that multiplies and waits for the result."""
    x, w = jnp.array(x), jnp.array(w)
    multiply = jax.jit(lambda x, w: (x.T if transpose_x else x) @ (w.T if transpose_w else w))
    return lambda: multiply(x, w).block_until_ready()


serve(f"JAX {jax.__version__}", Model, product)
