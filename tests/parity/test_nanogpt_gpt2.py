"""The README's row for nanoGPT and GPT-2: import a model of 124M parameters, generate, fine-tune and export."""

import json
from itertools import islice, product
from pathlib import Path

import numpy as np

import pygpt
from pygpt.config.experiment import Experiment
from pygpt.data import text_from_bytes
from pygpt.devices import open_numpy
from pygpt.huggingface import export_folder, import_folder
from pygpt.inference.trained_model import TrainedModel
from pygpt.runs.checkpoint import Checkpoint, checkpoint_pieces, parameter_shapes, read_checkpoint
from pygpt.runs.run_folder import map_run
from pygpt.tokenizers import BPETokenizer
from pygpt.tokenizers.bpe_vocabulary import BYTES, END_OF_TEXT, Vocabulary
from pygpt.training.run import Run
from tests.unit.cli.test_cli import run_pygpt

FOLDER = Path(__file__).resolve().parents[1] / "goldens" / "hf_gpt2"
GPT2 = {"model.n_layer": 12, "model.n_head": 12, "model.n_embd": 768, "model.block_size": 1024, "model.bias": True}


def test_import_generate_fine_tune_and_export(tmp_path):
    run, tuned, exported = tmp_path / "run", tmp_path / "tuned", tmp_path / "exported"
    text = tmp_path / "text.txt"
    text.write_text("the hedgehog and the duck went to the pond. " * 60)
    assert "GPT2LMHeadModel" in run_pygpt("import", "hf", FOLDER, run)
    summary = json.loads(run_pygpt("show", run, "--json"))
    assert summary["provenance"]["imported"]["from"] == "hf_gpt2" and summary["step"] == 0

    # Generation continues the prompt piece by piece, and keeps to the token limit.
    model = pygpt.load(run, "numpy")
    pieces = list(model.stream("the duck", 25, temperature=0.9, seed=3))
    longest = max(map(len, model.tokenizer.vocabulary.tokens))
    assert len(pieces) > 1 and 8 <= len("".join(pieces)) <= 25 * longest
    shorter = model.generate("the duck", 5, temperature=0.9, seed=3)
    assert len(shorter) <= 5 * longest and "".join(pieces).startswith(shorter.rstrip("\ufffd"))
    assert "".join(pieces) == model.generate("the duck", 25, temperature=0.9, seed=3)
    output = run_pygpt(
        "sample",
        run,
        "--prompt",
        "the duck",
        "--max-new-tokens",
        25,
        "--temperature",
        0.9,
        "--seed",
        3,
        "--device",
        "numpy",
    )
    assert output == "the duck" + "".join(pieces) + "\n"

    run_pygpt(
        "train",
        "--init-from",
        run,
        "--data",
        text,
        "--device",
        "numpy",
        "--steps",
        60,
        "--out",
        tuned,
        "--log-every",
        1,
        "--train.batch-size",
        8,
        "--train.eval-every",
        30,
        "--train.eval-batches",
        4,
        "--optim.warmup-steps",
        5,
        "--optim.learning-rate",
        3e-3,
    )
    losses = [json.loads(line)["loss"] for line in (tuned / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0] - 1
    assert json.loads(run_pygpt("show", tuned, "--json"))["provenance"]["init_from"]["imported"]["from"] == "hf_gpt2"

    assert "AutoTokenizer.from_pretrained(" in run_pygpt("export", tuned, "--to", "hf", exported)
    reimported = TrainedModel(read_checkpoint(b"".join(checkpoint_pieces(import_folder(exported)))), open_numpy())
    ids = [[1, 5, 200, 263]]
    np.testing.assert_allclose(reimported.logits(ids), pygpt.load(tuned, "numpy").logits(ids), atol=1e-5)
    result = run_pygpt("export", tuned, run, check=False)
    assert result.returncode == 1 and "already, which would be lost" in result.stderr


def gpt2_tokenizer():
    """A tokenizer with as many tokens as GPT-2's: bytes, pairs of bytes, and the delimiter."""
    pairs = list(islice(product(BYTES, BYTES), 50_000))
    return BPETokenizer(
        Vocabulary((*BYTES, *(left + right for left, right in pairs), b""), tuple(pairs), {END_OF_TEXT: 50_256})
    )


def test_a_model_of_124_million_parameters(tmp_path):
    # Random weights in a folder like GPT-2's. Arrays are created, written, read and transposed one at a time.
    tokenizer, rng = gpt2_tokenizer(), np.random.default_rng(5)
    experiment = Experiment(name="gpt2").with_fields(**GPT2)
    shapes = parameter_shapes(experiment, tokenizer)
    assert sum(np.prod(shape) for shape in shapes.values()) == 124_439_808
    weights = {
        name: (0.02 * rng.standard_normal(shape, "float32") + (len(shape) == 1 and name.endswith("weight"))).astype(
            "float32"
        )
        for name, shape in shapes.items()
    }
    for name, content in export_folder(
        Checkpoint(
            experiment,
            tokenizer,
            0,
            {},
            {name: memoryview(values).cast("B") for name, values in weights.items()},
            {},
            None,
        )
    ).items():
        with (tmp_path / name).open("wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)

    run_pygpt("import", "hf", tmp_path, tmp_path / "run")
    checkpoint = read_checkpoint(map_run(tmp_path / "run"))
    assert all(bytes(checkpoint.weights[name]) == values.tobytes() for name, values in weights.items())
    del weights
    model = TrainedModel(checkpoint, open_numpy())
    sampler = model.sampler(prompt="the", temperature=0.0)
    sampler.enqueue(1)
    written = sampler.take(model.device.read(sampler.output))
    ids = model.tokenizer.encode("the")  # GPT-2's tokenizer puts nothing before a text
    assert written == model.tokenizer.decode([int(model.logits([ids])[0, -1].argmax())])
    del model, sampler

    # One step of fine-tuning with a short context: a step over 1,024 tokens takes minutes on a slow machine.
    short = checkpoint.experiment.with_fields(
        **{
            "model.block_size": 16,
            "model.dropout": 0.0,
            "train.steps": 1,
            "train.batch_size": 1,
            "train.eval_batches": 1,
            "optim.warmup_steps": 0,
        }
    )
    text = text_from_bytes("text", b"the hedgehog and the duck went to the pond. " * 20)
    run = Run(short, text, open_numpy(), init_from=checkpoint)
    for _ in run.train():
        pass
    metrics = run.take_metrics(run.device.read(run.metrics_tensor))
    assert (
        all(np.isfinite([metrics[0].val_loss, metrics[1].loss, metrics[1].val_loss]))
        and metrics[1].val_loss < metrics[0].val_loss
    )
