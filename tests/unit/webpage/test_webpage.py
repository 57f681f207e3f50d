"""A model as one HTML file: its program computes what pygpt does, for every setting of a model and every tokenizer."""

import base64
import dataclasses
import hashlib
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from build import find_npm
from pygpt.config.experiment import Experiment
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import CheckpointError, ExperimentError, TokenizerError
from pygpt.inference.trained_model import TrainedModel
from pygpt.runs.checkpoint import Checkpoint, parameter_shapes, read_checkpoint
from pygpt.runs.share_link import read_link
from pygpt.tokenizers import CharTokenizer, train_tokenizer
from pygpt.training.loss_curve import LossCurve
from pygpt.training.run import Run
from pygpt.webpage import exporting, web_page
from tests.tiny_runs import POEM, finish, poem_run
from tests.unit.models.test_switches import ONE_BY_ONE, SWITCHES, TOGETHER

READER = Path(__file__).parent / "read_page.mjs"
LETTERS = "".join(sorted(set(POEM)))
# Everything at once, in two ways.
TOGETHER_ALL = [
    {
        "model.n_layer": 2, "model.n_head": 4, "model.n_kv_head": 2, "model.head_dim": 6, "model.bias": True,
        "model.positions": "rope", "model.rope_scaling": "llama3", "model.rope_factor": 3.0,
        "model.rope_original_context": 16,
        "model.norm": "rmsnorm", "model.norm_place": "post", "model.norm_embedding": True, "model.mlp": "geglu",
        "model.qk_norm": True, "model.qk_norm_scale": True, "model.attention_cap": 2.0, "model.attention_sinks": True,
        "model.attention_gate": True, "model.logit_cap": 3.0, "model.window": 5, "model.tie_weights": False,
    },
    {
        "model.n_layer": 2, "model.n_head": 4, "model.positions": "alibi", "model.bias": True,
        "model.norm_scale": False, "model.mlp": "gelu_erf", "model.window": 3, "model.attention_sinks": True,
        "model.norm_final": False,
    },
]  # fmt: skip


def random_checkpoint(experiment, tokenizer, seed=0) -> Checkpoint:
    """A checkpoint whose weights are all random: also those that begin as zeros or ones."""
    draw = np.random.default_rng(seed)
    dtype = {"float32": "<f4", "float64": "<f8"}[experiment.model.dtype]
    weights = {
        name: draw.normal(0, 0.4, shape).astype(dtype).tobytes()
        for name, shape in parameter_shapes(experiment, tokenizer).items()
    }
    return Checkpoint(experiment, tokenizer, 0, {}, weights, {}, None, LossCurve())


def answers(tasks) -> list[dict]:
    """What read_page.mjs computes."""
    process = subprocess.run(
        ["node", READER], input=json.dumps(tasks), capture_output=True, text=True, env=find_npm()[1], check=False
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_every_setting_of_a_model_gives_the_logits_of_pygpt(tmp_path):
    """With random weights."""
    cases = [{name: value, **TOGETHER.get(name, {})} for name, value in ONE_BY_ONE if name.startswith("model.")]
    cases += [*TOGETHER_ALL, {"model.kind": "bigram"}, {"model.positions": "rope", "model.rope_base": 100.0}]
    assert {name for case in cases for name in case} >= {*SWITCHES} - {"model.block_size"}
    tasks, expected = [], []
    tokenizer = CharTokenizer(LETTERS)
    for number, changes in enumerate(cases):
        base = {"model.n_layer": 2, "model.n_head": 4, "model.n_embd": 16, "model.block_size": 8}
        try:
            experiment = Experiment().with_fields(**(base | changes))
        except ExperimentError:
            continue  # python-random asks for documents; it is another way to draw the same weights
        checkpoint = random_checkpoint(experiment, tokenizer, number)
        path = tmp_path / f"{number}.html"
        path.write_bytes(web_page(checkpoint))
        ids = np.random.default_rng(number).integers(0, len(LETTERS), min(8, experiment.model.block_size)).tolist()
        expected.append((changes, TrainedModel(checkpoint, NumpyDevice()).logits([ids])[0]))
        tasks.append({"page": str(path), "ids": ids})
    assert len(tasks) > 60
    for (changes, logits), found in zip(expected, answers(tasks), strict=True):
        close = max(2e-4, 4e-5 * np.abs(logits).max())
        np.testing.assert_allclose(found["logits"], logits, rtol=2e-4, atol=close, err_msg=str(changes))


@pytest.mark.parametrize("layout", ["stream", "documents"])
@pytest.mark.parametrize("kind", ["char", "byte", "bpe"])
def test_a_text_is_that_of_pygpt(kind, layout, tmp_path):
    """Greedy and with a seed, from prompts shorter and longer than the context, of a model that has learned little."""
    run = poem_run(
        NumpyDevice(),
        **{
            "data.tokenizer": kind,
            "data.vocab_size": 300,
            "data.layout": layout,
            "train.steps": 60,
            "model.block_size": 12,
        },
    )
    finish(run)
    checkpoint = read_checkpoint(run.checkpoint())
    path = tmp_path / "page.html"
    path.write_bytes(web_page(checkpoint))
    model = TrainedModel(checkpoint, NumpyDevice())
    prompts = ["", *(["Twinkle", "how I wonder what you are! Up ab"] if layout == "stream" else ["ban", "millo"])]
    if kind != "char":
        prompts += ["naïve  façade — 東京\n\tit's 12", "\u0085\u00a0 \ufeffx"]
    chosen = [(prompt, temperature, seed) for prompt in prompts for temperature, seed in ((0.0, 1), (0.9, 5))]
    tasks = [
        {"page": str(path), "prompt": p, "length": 40, "options": {"temperature": t, "topK": 7, "seed": s}}
        for p, t, s in chosen
    ]
    for (prompt, temperature, seed), found in zip(chosen, answers(tasks), strict=True):
        assert found["ids"] == [*run.tokenizer.encode(prompt)]
        text = "".join(model.stream(prompt, 40, temperature=temperature, seed=seed, top_k=7))
        assert found["text"].rstrip("\ufffd") == (prompt + text).rstrip("\ufffd"), (prompt, temperature)


class Parts(HTMLParser):
    """Collects the tags and attributes of a page, and the text of its elements."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.texts, self.open = [], {}, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)


def test_the_page_allows_its_own_program_alone_and_names_no_private_text():
    run = Run(poem_run(NumpyDevice()).experiment, poem_run(NumpyDevice()).text, NumpyDevice())
    finish(run)
    page = web_page(read_checkpoint(run.checkpoint()), "https://lab.example/").decode()
    parts = Parts(page)
    (policy,) = [a["content"] for tag, a in parts.tags if tag == "meta" and a.get("http-equiv")]
    assert policy.startswith("default-src 'none';")
    script, style = parts.texts["script"][-1], parts.texts["style"][0]
    for directive, text in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    assert not [a for tag, a in parts.tags if "src" in a or (tag == "link" and a["href"] != "data:,") or "style" in a]
    (link,) = [a["href"] for tag, a in parts.tags if tag == "a"]
    assert link.startswith("https://lab.example/#") and read_link(link).sha256 == run.text.sha256
    assert "poem" not in page and "a text of its maker&#x27;s own" in page


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_a_matrix_keeps_twenty_bits_of_each_row(width, tmp_path):
    """Rows of odd lengths too, one of zeros, one whose numbers are beyond float16, and one of tiny ones."""
    draw = np.random.default_rng(width)
    table = draw.normal(0, 1, (5, width)) * np.array([[1.0], [0.0], [1e6], [1e-9], [0.05]])
    kind, length, row, data = exporting._packed(table.astype("<f4").ravel().tolist(), width)
    assert (kind, length, row) == ("int20", 5 * width, width)
    assert len(data) == 5 * (4 + 5 * -(-width // 2))
    script = "import { readArrays } from '" + (READER.parents[3] / "pygpt/webpage/weights.js").as_uri() + "';"
    script += "const [entries, text] = JSON.parse(process.argv[1]);"
    script += "console.log(JSON.stringify([...readArrays(entries, text).table]));"
    entry = {"name": "table", "type": kind, "length": length, "width": row}
    given = json.dumps([[entry], base64.b64encode(data).decode()])
    command = ["node", "--input-type=module", "-e", script, given]
    found = subprocess.run(command, capture_output=True, text=True, env=find_npm()[1], check=True).stdout
    read = np.array(json.loads(found)).reshape(table.shape)
    assert (np.abs(read - table) <= np.abs(table).max(axis=1, keepdims=True) * 2.0**-19).all()
    assert exporting._packed([0.1], 0)[3] == np.float32(0.1).tobytes()


def test_names_cannot_end_the_script_or_the_page():
    experiment = Experiment.preset("bigram")
    experiment = dataclasses.replace(experiment, name="</title><script>alert(1)</script>")
    page = web_page(random_checkpoint(experiment, CharTokenizer("<>a"))).decode()
    assert "<script>alert" not in page and page.count("</script>") == 3


def test_what_a_page_cannot_hold_is_refused_by_name(monkeypatch):
    experiment = Experiment.preset("bigram").with_fields(**{"data.tokenizer": "bpe"})
    tokenizer = train_tokenizer("bpe", POEM, False, 300)
    description = tokenizer.to_dict()
    description["tokenizer"]["model"]["ignore_merges"] = True
    other = type(tokenizer).from_dict(description)
    with pytest.raises(TokenizerError, match="splits texts in another way"):
        web_page(random_checkpoint(experiment, other))
    monkeypatch.setattr(exporting, "MOST_PARAMETERS", 1000)
    with pytest.raises(CheckpointError, match="holds at most 1,000"):
        web_page(random_checkpoint(experiment, tokenizer))
