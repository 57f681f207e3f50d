"""The presets: the fields in which each differs from the defaults of an Experiment."""

from pygpt.config.fields import Value

# Shared by the task presets: a small GPT that trains on the answers only, one document per line.
ANSWERS: dict[str, Value] = {
    "data.layout": "documents",
    "train.answers_only": True,
    "model.n_layer": 2,
    "model.n_head": 4,
    "model.n_embd": 64,
    "optim.learning_rate": 3e-3,
    "train.batch_size": 64,
    "train.eval_batches": 10,
}

CHANGES: dict[str, dict[str, Value]] = {
    # The V x V table of the lecture "Let's build GPT". Its steps are cheap, so it takes many, at a large learning rate.
    "bigram": {
        "model.kind": "bigram",
        "model.block_size": 8,
        "train.batch_size": 32,
        "train.steps": 3000,
        "optim.learning_rate": 2e-2,
        "optim.min_learning_rate": 2e-3,
        "optim.weight_decay": 0.0,
    },
    # microgpt: one block, norms without a learned scale, no final norm, ReLU, one sequence per step. pygpt/micro.py is
    # the same model in one file. It learns a list of words; microgpt learns names, which need a download.
    "micro": {
        "data.source": "words",
        "data.layout": "documents",
        "model.n_layer": 1,
        "model.n_head": 4,
        "model.n_embd": 16,
        "model.block_size": 16,
        "model.tie_weights": False,
        "model.norm": "rmsnorm",
        "model.norm_scale": False,
        "model.norm_embedding": True,
        "model.norm_final": False,
        "model.mlp": "relu",
        "model.init_std": 0.08,
        "train.batch_size": 1,
        "train.steps": 5000,
        "optim.learning_rate": 1e-2,
        "optim.min_learning_rate": 0.0,
        "optim.schedule": "linear",
        "optim.warmup_steps": 0,
        "optim.weight_decay": 0.0,
        "optim.beta1": 0.85,
        "optim.grad_clip": 0.0,
    },
    # A first GPT: in a tab without a GPU it learns within a minute to write mostly real words (`tests.bench words`).
    "baby": {
        "model.n_layer": 3,
        "model.n_head": 3,
        "model.n_embd": 48,
        "model.block_size": 32,
        "train.batch_size": 12,
        "train.steps": 4000,
        "optim.learning_rate": 4e-3,
        "optim.min_learning_rate": 2e-4,
    },
    # nanoGPT's train_shakespeare_char.py with the settings its README gives for a laptop without a GPU, except for GELU
    # in its tanh form, and a separate output layer. On Tiny Shakespeare the latter lowers the loss on the whole
    # validation split from 1.906 to 1.880 (seed 1337).
    "small": {"model.tie_weights": False},
    # Llama's parts at the size of small: RMS norms, rotary positions, SwiGLU, two query heads per key/value head.
    "llama-tiny": {
        "model.n_kv_head": 2,
        "model.norm": "rmsnorm",
        "model.positions": "rope",
        "model.mlp": "swiglu",
        "model.mlp_ratio": 8 / 3,
        "model.tie_weights": False,
    },
    # nanoGPT's train_shakespeare_char.py: GELU is exact, as in its nn.GELU(); the other presets use GPT-2's tanh form.
    "nano": {
        "model.n_layer": 6,
        "model.n_head": 6,
        "model.n_embd": 384,
        "model.block_size": 256,
        "model.dropout": 0.2,
        "model.mlp": "gelu_erf",
        "train.batch_size": 64,
        "train.steps": 5000,
    },
    # GPT-2 (124 million parameters) with nanoGPT's recipe and batches for one desktop GPU. It needs GPT-2's tokenizer
    # (`pygpt download gpt2-tokenizer`) and days of training; `pygpt import hf` imports a trained one.
    "gpt2": {
        "model.n_layer": 12,
        "model.n_head": 12,
        "model.n_embd": 768,
        "model.block_size": 1024,
        "model.bias": True,
        "data.tokenizer": "gpt2",
        "train.batch_size": 4,
        "train.accumulation": 8,
        "train.steps": 10000,
        "optim.learning_rate": 6e-4,
        "optim.min_learning_rate": 6e-5,
        "optim.warmup_steps": 500,
        "optim.beta2": 0.95,
    },
    # Tasks: `python -m tests.bench tasks` shows that each preset answers 99 % of its questions correctly on NumPy.
    "reverse": {**ANSWERS, "data.source": "task:reverse", "model.block_size": 18, "train.steps": 1500},
    "sort": {**ANSWERS, "data.source": "task:sort", "model.block_size": 14, "train.steps": 2500},
    "addition": {
        **ANSWERS,
        "data.source": "task:addition,examples=100000",
        "data.val_fraction": 0.02,
        "model.block_size": 13,
        "model.tie_weights": False,
        "train.steps": 3000,
        "optim.learning_rate": 4e-3,
    },
}
