"""The same GPT in PyTorch on the CPU: `torch_peer.py eager` or `compiled`."""

import sys

from measure import THREADS, pin, serve

pin()

import torch  # noqa: E402  (after the process is pinned)
from torch.nn import functional as F  # noqa: E402

torch.set_num_threads(THREADS)


class GPT(torch.nn.Module):
    """nanoGPT's model without biases. Weights have shape (input, output): x @ w."""

    def __init__(self, work):
        super().__init__()
        self.work = work
        self.w = torch.nn.ParameterDict(
            {
                name.replace(".", "_"): torch.nn.Parameter(torch.tensor(values))
                for name, values in work["weights"].items()
            }
        )

    def forward(self, ids, last_only=False):
        """ids (B, T) -> logits (B, T, V), or (B, 1, V)."""
        work, w = self.work, self.w
        if work["kind"] == "bigram":
            logits = F.embedding(ids, w["table_tokens"])
            return logits[:, -1:] if last_only else logits
        batch, length = ids.shape
        heads, width = work["heads"], work["width"]
        x = F.embedding(ids, w["embedding_tokens"]) + w["embedding_positions"][:length]
        for layer in range(work["layers"]):
            block = f"blocks_{layer}_"
            qkv = F.layer_norm(x, (width,), w[block + "norm_1_weight"]) @ w[block + "attention_qkv_weight"]
            q, k, v = (
                part.view(batch, length, heads, width // heads).transpose(1, 2) for part in qkv.split(width, dim=2)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, width)
            x = x + y @ w[block + "attention_projection_weight"]
            hidden = F.layer_norm(x, (width,), w[block + "norm_2_weight"]) @ w[block + "mlp_expand_weight"]
            x = x + F.gelu(hidden, approximate="tanh") @ w[block + "mlp_contract_weight"]
        if last_only:
            x = x[:, -1:]
        return F.layer_norm(x, (width,), w["norm_weight"]) @ w["head_weight"]


class Model:
    """The model and its optimizer."""

    def __init__(self, work, compiled):
        self.model = GPT(work)
        self.block = work["block"]
        self.call = torch.compile(self.model, dynamic=False) if compiled else self.model
        # Fused is the fastest of the three implementations here (for-loop, foreach, fused).
        self.optimizer = torch.optim.Adam(
            self.model.parameters(),
            lr=work["learning_rate"],
            fused=True,
            betas=(work["beta1"], work["beta2"]),
            eps=work["epsilon"],
        )

    def step(self, inputs, targets):
        """Run one update; return the loss before it."""
        ids, labels = torch.from_numpy(inputs.astype("int64")), torch.from_numpy(targets.astype("int64"))
        logits = self.call(ids)
        loss = F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.view(-1))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def scores(self, window):
        """Return the logits after a window, as nanoGPT's `generate` does: eagerly, without padding the window."""
        with torch.no_grad():
            return self.model(torch.tensor([window]), last_only=True)[0, 0].numpy()


def product(x, w, transpose_x, transpose_w):
    """Return a function that multiplies."""
    x, w = torch.from_numpy(x), torch.from_numpy(w)
    return lambda: (x.T if transpose_x else x) @ (w.T if transpose_w else w)


mode = sys.argv[1]
serve(f"PyTorch {torch.__version__} {mode}", lambda work: Model(work, mode == "compiled"), product)
