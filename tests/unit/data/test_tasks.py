"""Tasks: their answers are right, their questions differ, and a trained model gives whole answers."""

import json
import math
import re

import pytest

from pygpt.config.sampling import SamplingConfig
from pygpt.data import TASKS, load_text, make_corpus, question_of, task_text, text_from_bytes
from pygpt.errors import DataError, ExperimentError
from pygpt.inference.generate import generate
from pygpt.language_model import LanguageModel
from pygpt.nn.parameters import RngState
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.tensor.tensor import tensor
from pygpt.tokenizers import split_documents, train_tokenizer
from pygpt.training.evaluate import accuracy, evaluate_text
from pygpt.training.run import Run
from tests.tiny_runs import bits, experiment, finish
from tests.unit.cli.test_cli import run_pygpt

LEARNABLE = {
    "data.layout": "documents",
    "train.answers_only": True,
    "model.n_layer": 1,
    "model.n_head": 4,
    "model.n_embd": 32,
    "model.block_size": 10,
    "train.batch_size": 32,
    "train.eval_batches": 4,
    "train.eval_every": 400,
    "optim.learning_rate": 5e-3,
    "optim.warmup_steps": 50,
}


def balanced(word):
    while (shorter := re.sub(r"\(\)|\[\]|\{\}", "", word)) != word:
        word = shorter
    return not word


def is_the_pair(question, answer):
    numbers, total = question.split(":")
    i, j = map(int, answer.split("+"))
    remaining = list(map(int, numbers.split(",")))
    return i + j == int(total) and (remaining.remove(i), remaining.remove(j)) == (None, None)


RIGHT = {
    "copy": lambda q, a: a == q,
    "reverse": lambda q, a: list(a) == list(reversed(q)),
    "sort": lambda q, a: sorted(q) == list(a),
    "addition": lambda q, a: sum(map(int, q.split("+"))) == int(a) and 2 * len(a) == len(q) + 1,
    "addition,format=mingpt": lambda q, a: int(q[: len(q) // 2]) + int(q[len(q) // 2 :]) == int(a[::-1]),
    "sort,format=mingpt": lambda q, a: sorted(q) == list(a) and set(q) <= set("012"),
    "modular-addition": lambda q, a: eval(q) % 97 == int(a),
    "parity": lambda q, a: ("even", "odd")[sum(map(int, q)) % 2] == a,
    "brackets": lambda q, a: a == ("yes" if balanced(q) else "no"),
    "two-sum": is_the_pair,
    "repeat": lambda q, a: q.split("*")[0] * int(q.split("*")[1]) == a,
    "counting": lambda q, a: len(re.findall(q[-1], q[:-2])) == int(a),
    "lookup": lambda q, a: dict(re.findall(r"(.)(\d)", q[:-2]))[q[-1]] == a,
}


@pytest.mark.parametrize("name", TASKS)
def test_answers_are_right_and_questions_differ(name):
    for settings in ("", f",length={TASKS[name].length + 1},examples=300,seed=3"):
        text = task_text(f"task:{name}{settings}")
        lines = split_documents(text.text)
        questions = [question_of(line, text.question_length) for line in lines]
        pairs = [(q.removesuffix("="), line.removeprefix(q)) for q, line in zip(questions, lines)]
        if not (settings and name == "modular-addition"):  # with three digits the modulus differs
            assert all(RIGHT[name](question, answer) for question, answer in pairs)
        assert len({question for question, _ in pairs}) == len(pairs)
        most = 3**6 if name == "sort,format=mingpt" else 10_000  # all questions
        assert len(pairs) == 300 if settings else 0.93 * most < len(pairs) <= most
        assert text.built_in and load_text(text.name) == text


@pytest.mark.parametrize("name", TASKS)
def test_the_longest_questions(name):
    task = TASKS[name]
    text = task_text(f"task:{name},length={task.longest},examples=40")
    assert len(split_documents(text.text)) == 40


def test_the_seed_determines_the_text():
    assert task_text("task:sort").text == task_text("task:sort,seed=0").text != task_text("task:sort,seed=1").text
    assert task_text("task:sort,examples=10000,seed=2,length=6").name == "task:sort,seed=2"
    assert task_text("task:sort").text.startswith("409131=011349\n29375=23579\n"), (
        "a seed means the same text everywhere"
    )


@pytest.mark.parametrize(
    "source, message",
    [
        ("task:rhyme", "no task 'rhyme': the tasks are copy; reverse"),
        ("task:sort,size=3", "no setting 'size': the settings are length, examples, seed, as in task:sort,length=6"),
        ("task:sort,length=65", "length must be a whole number from 1 to 64 for the task sort, and '65' is not"),
        (
            "task:sort,examples=",
            "examples must be a whole number from 20 to 1,000,000 for the task sort, and '' is not",
        ),
        (
            "task:parity,length=2",
            "has only 6 different questions, but learning needs at least 20: choose a length above 2",
        ),
        ("task:copy,format=mingpt", "no task 'copy,format=mingpt': .*; addition,format=mingpt; "),
        ("task:sort,format=mingpt,length=2", "has only 9 different questions"),
        ("revers", "did you mean 'task:reverse'[?]"),
    ],
)
def test_tasks_that_do_not_exist(source, message):
    with pytest.raises(DataError, match=message):
        load_text(source)


def test_no_question_for_validation_was_trained_on():
    text = load_text("task:addition,length=1,examples=100").text
    tokenizer = train_tokenizer("char", text, documents=True)
    corpus = make_corpus(text, tokenizer, "documents", 8)
    questions = [
        {tuple(split.tokens[a:b]) for a, b in zip(split.offsets, split.offsets[1:])}
        for split in (corpus.train, corpus.val)
    ]
    assert len(questions[0]) == 90 and len(questions[1]) == 10 and not questions[0] & questions[1]


@pytest.mark.parametrize(
    "source, question, line, tokens",
    [
        ("task:addition,format=mingpt", 4, lambda a, b: f"{a:02}{b:02}{f'{a + b:03}'[::-1]}", 10),
        ("task:addition,format=mingpt,length=3", 6, lambda a, b: f"{a:03}{b:03}{f'{a + b:04}'[::-1]}", 10),
        ("task:sort,format=mingpt", 6, None, 3),
    ],
)
def test_the_format_of_mingpt(source, question, line, tokens, device):
    """Each row is minGPT's x and y (questions are -1 in y), with a delimiter before x and after y."""
    text = load_text(source)
    assert text.question_length == question
    length = len(split_documents(text.text)[0])
    run = Run(experiment(**{**LEARNABLE, "model.block_size": length + 1, "train.batch_size": 3}), text, device)
    bos = run.tokenizer.delimiter
    assert run.tokenizer.vocab_size == tokens + 1
    zero = tensor(device, [0], dtype="uint32")
    inputs, targets = (each.numpy() for each in run.val_batches.next_batch(RngState(zero, zero), 0, sequential=True))
    for row, document in enumerate(split_documents(text.text)[9:30:10]):
        half = question // 2
        a, b, q = document[:half], document[half:question], document[:question]
        assert document == (line(int(a), int(b)) if line else q + "".join(sorted(q)))
        ids = run.tokenizer.encode(document).tolist()
        assert [int(run.tokenizer.decode([one])) for one in ids] == [*map(int, document)]
        assert inputs[row].tolist() == [bos, *ids]
        assert targets[row].tolist() == [*[-1] * question, *ids[question:], bos]


def test_the_examples_of_mingpt_are_what_the_tasks_write():
    assert {"8550531", "0639054"} & {*split_documents(task_text("task:addition,format=mingpt").text)}
    assert "002101000112" in split_documents(task_text("task:sort,format=mingpt").text)


def test_questions_without_a_separator_are_scored_by_their_length(cpu):
    source = "task:addition,format=mingpt,examples=200"
    settings = {
        **LEARNABLE,
        "data.source": source,
        "model.block_size": 8,
        "train.steps": 2,
        "train.eval_every": 2,
    }
    run = Run(experiment(**settings), load_text(source), cpu)
    assert finish(run)[-1].accuracy is not None
    result = evaluate_text(run, run.text)
    assert (result.questions, result.predictions) == (20, 20 * 4) and result.bytes == 20 * 4
    assert result.baselines["uniform"] == pytest.approx(math.log(11))
    assert result.baselines["trigram"] < math.log(8), "only the answers are predicted, and each ends with a delimiter"
    assert evaluate_text(run, run.text, whole=True).questions == 200
    again = Run.restore(run.checkpoint(), cpu)
    assert again.text == run.text and evaluate_text(again, again.text).to_dict() == result.to_dict()
    with pytest.raises(DataError, match="takes 8 tokens, and a block has 7"):
        Run(experiment(**{**settings, "model.block_size": 7}), run.text, cpu)
    with pytest.raises(DataError, match="questions are not 4 tokens, one per character: choose the tokenizer char"):
        Run(experiment(**settings, **{"data.tokenizer": "bpe", "data.vocab_size": 300}), run.text, cpu)


@pytest.mark.slow
def test_the_format_of_mingpt_is_learned(cpu):
    """A smaller version of `python -m tests.bench tasks --sizes mingpt-sort`."""
    settings = {**LEARNABLE, "model.block_size": 13, "train.steps": 200}
    run = Run(experiment(**settings), load_text("task:sort,format=mingpt"), cpu)
    finish(run)
    share, questions = accuracy(run.model, run.val_batches)
    assert questions == 72 and share >= 0.95


@pytest.fixture(scope="module")
def learned():
    """A run on the task `reverse`, trained until it is mostly right, and its metrics."""
    from pygpt.devices import open_numpy

    run = Run(experiment(**LEARNABLE, **{"train.steps": 800}), load_text("task:reverse,length=4"), open_numpy())
    return run, finish(run)


@pytest.mark.slow
def test_reverse_is_learned(learned):
    """A smaller version of `python -m tests.bench tasks`."""
    run, metrics = learned
    share, questions = accuracy(run.model, run.val_batches)
    assert questions == 1000 and share >= 0.99
    assert metrics[0].accuracy == 0.0 and metrics[-1].accuracy >= 0.98
    assert all((m.accuracy is None) == (m.val_loss is None) for m in metrics)


def test_a_right_answer_is_what_greedy_sampling_writes(device):
    """The model is half trained, so that there are right and wrong answers."""
    run = Run(experiment(**LEARNABLE, **{"train.steps": 60}), load_text("task:reverse,length=3,examples=400"), device)
    finish(run)
    share, questions = accuracy(run.model, run.val_batches)
    documents = split_documents(run.text.text)[9::10]
    right = 0
    for document in documents:
        question, answer = document.split("=")
        written = "".join(
            generate(run.model, run.tokenizer, f"{question}=", 8, SamplingConfig(temperature=0.0), slice_size=8)
        )
        right += written == answer
    assert questions == len(documents) == 40 and 0 < right < 40
    assert round(share * questions) == right


def test_only_answers_are_learned(cpu):
    settings = {**LEARNABLE, "train.steps": 30, "train.eval_every": 30}
    all_tokens, answers = (
        finish(Run(experiment(**{**settings, "train.answers_only": only}), load_text("task:copy,length=4"), cpu))
        for only in (False, True)
    )
    assert all_tokens[0].val_loss == pytest.approx(answers[0].val_loss, abs=0.1), "both are untrained at first"
    assert answers[-1].val_loss != all_tokens[-1].val_loss


def test_a_task_continues_from_a_checkpoint_without_its_text(cpu):
    settings = {**LEARNABLE, "train.steps": 8, "train.eval_every": 4, "data.source": "task:sort,length=4,seed=5"}
    make = lambda: Run(experiment(**settings), load_text(settings["data.source"]), cpu)
    whole, first = bits(finish(make())), make()
    before = bits(finish(first, at_most=5))
    data = first.checkpoint()
    assert read_checkpoint(data).text is None
    assert before | bits(finish(Run.restore(data, cpu))) == whole


def test_a_text_that_cannot_be_scored_is_refused(cpu):
    with pytest.raises(ExperimentError, match="train.answers_only: questions and answers are documents"):
        experiment(**{"train.answers_only": True})
    with pytest.raises(
        DataError, match="takes 18 tokens, and a block has 10: choose a model.block_size of at least 18"
    ):
        Run(experiment(**LEARNABLE), load_text("task:reverse"), cpu)
    for lines, message in (
        ("ab\n" * 50, "no document of this text has a ="),
        ("ab=ba\n" * 3 + "ab\n" * 47, "47 of 50 documents"),
    ):
        with pytest.raises(DataError, match=message):
            Run(experiment(**LEARNABLE), text_from_bytes("lines", lines.encode()), cpu)


def test_a_users_lines_are_scored_too(cpu):
    lines = "".join(f"{number}={number}\n" for number in range(200))
    run = Run(
        experiment(**{**LEARNABLE, "train.answers_only": False, "train.steps": 2}),
        text_from_bytes("own", lines.encode()),
        cpu,
    )
    assert finish(run)[0].accuracy == 0.0


@pytest.mark.slow
def test_a_task_on_the_command_line(tmp_path):
    flags = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in LEARNABLE.items()
        if name not in ("data.layout", "train.answers_only")
    ]
    output = run_pygpt(
        "train",
        "baby",
        "--data",
        "task:reverse,length=4,examples=200",
        "--train.answers-only",
        "--device",
        "numpy",
        "--steps",
        20,
        "--out",
        tmp_path / "run",
        *flags,
    )
    assert "correct answers" in output
    toml = (tmp_path / "run" / "experiment.toml").read_text()
    assert 'source = "task:reverse,length=4,examples=200"' in toml and 'layout = "documents"' in toml
    assert "answers_only = true" in toml
    result = json.loads(run_pygpt("eval", tmp_path / "run", "--json"))
    assert result["questions"] == 20 and 0 <= result["accuracy"] <= 1
    assert re.search(r"correct answers: [\d.]+% of 20 questions", run_pygpt("eval", tmp_path / "run"))


def test_the_api_scores_too(cpu):
    model = LanguageModel("reverse", device=cpu, **LEARNABLE)
    model.fit("task:reverse,length=3,examples=300", steps=20)
    result = model.evaluate()
    assert result.questions == 30 and result.accuracy is not None and result.bits_per_byte() > 0
    assert model.evaluate(text_from_bytes("own", b"ab=ba\nabc=cba\n")).questions == 2
    assert model.generate("abc=", max_new_tokens=3, temperature=0, stop="a").count("a") == 0
