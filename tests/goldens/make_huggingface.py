"""Record tiny models of Hugging Face `transformers`: their folders and their logits.

    pip install torch==2.13.0 transformers==5.24.0
    python tests/goldens/make_huggingface.py        # writes tests/goldens/hf_*/ beside itself

Only this script needs PyTorch and transformers; the tests read the recordings. The weights have a large standard
deviation, so that every part of a model affects its logits.
"""

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

HERE = Path(__file__).parent
TEXT = "the hedgehog and the duck went to the pond, and the pond was still. " * 4
BLOCK, WIDTH, HEADS, LAYERS = 12, 16, 4, 2


def tokenizer():
    """A byte-level BPE of 256 bytes, the delimiter and seven merges."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder, bpe.post_processor = decoders.ByteLevel(), processors.ByteLevel()
    bpe.train_from_iterator(
        [TEXT],
        trainers.BpeTrainer(
            vocab_size=264,
            special_tokens=["<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return bpe


def gpt2(vocab_size, **changes):
    """A GPT-2."""
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocab_size,
            n_positions=BLOCK,
            n_embd=WIDTH,
            n_layer=LAYERS,
            n_head=HEADS,
            initializer_range=0.3,
            bos_token_id=0,
            eos_token_id=0,
            **changes,
        )
    )


def llama(vocab_size, **changes):
    """A Llama with shared key/value heads."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            max_position_embeddings=BLOCK,
            hidden_size=WIDTH,
            intermediate_size=40,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=2,
            rms_norm_eps=1e-5,
            initializer_range=0.3,
            bos_token_id=0,
            eos_token_id=0,
            **changes,
        )
    )


def family(model_type, vocab_size, **changes):
    """A small model of a family related to Llama; its output layer is the embedding, which keeps the file small."""
    settings = {
        "max_position_embeddings": 2 * BLOCK,
        "hidden_size": WIDTH,
        "intermediate_size": 24,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-6,
        "initializer_range": 0.3,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "tie_word_embeddings": True,
    }
    return AutoModelForCausalLM.from_config(
        AutoConfig.for_model(model_type, vocab_size=vocab_size, **settings | changes)
    ).float()


def record(name, make, half=None, bare=False, files=False, tokens=True):
    """Write one folder: `half` is a smaller type for the weights, `bare` omits the prefix of their names, `files`
    writes vocab.json and merges.txt. Without `tokens` it has no tokenizer, and logits of one sequence and of every
    eighth token."""
    folder = HERE / f"hf_{name}"
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(7)
    bpe = tokenizer()
    model = make(bpe.get_vocab_size()).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:  # biases are initially zeros and norms ones, which would hide mistakes
                parameter += 0.2 * torch.randn_like(parameter)
    if half:
        model = model.to(half)
    if bare:
        model.transformer.save_pretrained(folder)  # like the first release of GPT-2: no head, no prefix
    else:
        model.save_pretrained(folder)
    if files:
        bpe_model = json.loads(bpe.to_str())["model"]
        (folder / "vocab.json").write_text(json.dumps(bpe_model["vocab"], ensure_ascii=False), encoding="utf-8")
        merges = "\n".join(" ".join(pair) for pair in bpe_model["merges"])
        (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    elif tokens:
        bpe.save(str(folder / "tokenizer.json"))
    shape = (2, BLOCK) if tokens else (1, model.config.max_position_embeddings)
    ids = np.random.default_rng(3).integers(0, bpe.get_vocab_size(), shape)
    # Load it as a user would, with tables in full precision too.
    model = type(model).from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = model(torch.tensor(ids)).logits.numpy()
    every = 1 if tokens else 8
    np.savez_compressed(folder / "logits.npz", ids=ids, logits=logits[..., ::every], every=every)
    print(folder.name, sum(file.stat().st_size for file in folder.iterdir()), "bytes")


if __name__ == "__main__":
    record("gpt2", gpt2, bare=True, files=True)
    record("gpt2_untied", lambda size: gpt2(size, tie_word_embeddings=False, n_inner=40, activation_function="relu"))
    record("llama", llama)
    record(
        "llama_biased",
        lambda size: llama(
            size,
            attention_bias=True,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        ),
        half=torch.bfloat16,
    )
    llama3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "original_max_position_embeddings": 16}
    for name, model_type, changes in (
        ("smollm", "llama", {"rms_norm_eps": 1e-5, "num_attention_heads": 2, "num_key_value_heads": 1}),
        (
            "llama3",
            "llama",
            {
                "rms_norm_eps": 1e-3,
                "head_dim": 8,
                "rope_parameters": {**llama3, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
            },
        ),
        ("llama_linear", "llama", {"rope_parameters": {"rope_type": "linear", "rope_theta": 100.0, "factor": 4.0}}),
        ("mistral", "mistral", {"sliding_window": 5, "head_dim": 6}),
        ("qwen2", "qwen2", {}),
        ("qwen3", "qwen3", {"head_dim": 8}),
    ):
        make = partial(family, model_type, **changes)
        record(name, make, half=torch.bfloat16, tokens=False)
    record("gpt2_epsilon", lambda size: gpt2(size, layer_norm_epsilon=0.01), half=torch.bfloat16, tokens=False)
