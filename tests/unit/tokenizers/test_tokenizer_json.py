"""tokenizer.json: Hugging Face's library gives the same ids, and other files raise only TokenizerError."""

import copy
import json
import random
import sys

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from pygpt.errors import TokenizerError
from pygpt.tokenizers import BPETokenizer, read_tokenizer, tokenizer_json_bytes
from pygpt.tokenizers.bpe_vocabulary import Vocabulary, token_text
from pygpt.tokenizers.files import read_gpt2
from pygpt.tokenizers.tokenizer_json import read_tokenizer_json, vocabulary_from_json
from tests.tiny_runs import POEM

TEXT = POEM + "Élève, naïve café 東京に行く 12 345 x²\n\n\tIt's we'll; they've... \r\n 🙂🙂 ﷽" * 9
TOKENIZER = BPETokenizer.train(TEXT, True, 340)
FILE = tokenizer_json_bytes(TOKENIZER)
CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]


def random_text(chance):
    """Up to 60 characters, mixed from all of Unicode, the training text of the tokenizer, and white space."""
    pools = (CHARACTERS, TEXT, " \n\t'\xa0\u3000", "'s't're've'm'll'd aZ0", CHARACTERS[:0x800])
    return "".join(chance.choice(chance.choice(pools)) for _ in range(chance.randrange(60)))


def test_the_library_gives_the_same_ids_for_ten_thousand_random_texts():
    library, chance = tokenizers.Tokenizer.from_str(FILE.decode()), random.Random(4)
    texts = [random_text(chance) for _ in range(10_000)]
    for text, theirs in zip(texts, library.encode_batch(texts)):
        ids = TOKENIZER.encode(text)
        assert theirs.ids == ids.tolist(), repr(text)
        assert TOKENIZER.decode(ids) == text == library.decode(theirs.ids)


def test_the_library_gives_the_same_text_for_random_ids():
    library, chance = tokenizers.Tokenizer.from_str(FILE.decode()), random.Random(5)
    for _ in range(2000):
        ids = [chance.randrange(TOKENIZER.vocab_size) for _ in range(chance.randrange(20))]
        assert TOKENIZER.decode(ids) == library.decode(ids)


@settings(max_examples=50)
@given(st.randoms(use_true_random=False))
def test_any_order_of_merges_gives_the_librarys_ids(chance):
    tokens, merges = list(BPETokenizer.train("", False, 256).vocabulary.tokens), []
    chance.shuffle(tokens)
    symbols = [b"a", b"b", b" "]
    for _ in range(20):
        pair = chance.choice(symbols), chance.choice(symbols)
        if pair not in merges:
            merges.append(pair)
            symbols += {pair[0] + pair[1]} - set(symbols)
    chance.shuffle(merges)
    vocabulary = Vocabulary((*tokens, *symbols[3:]), tuple(merges), {})
    ours = BPETokenizer(vocabulary)
    library = tokenizers.Tokenizer.from_str(tokenizer_json_bytes(ours).decode())
    for _ in range(20):
        text = "".join(chance.choices("ab ", k=chance.randrange(40)))
        assert ours.encode(text).tolist() == library.encode(text).ids


def test_a_written_file_is_read_back():
    assert BPETokenizer(read_tokenizer_json(FILE)) == TOKENIZER
    rewritten = json.loads(tokenizers.Tokenizer.from_str(FILE.decode()).to_str())
    assert BPETokenizer(vocabulary_from_json(rewritten)) == TOKENIZER


def test_a_folder_with_either_form_is_read(tmp_path):
    with pytest.raises(TokenizerError, match="has no tokenizer: expected tokenizer.json, or vocab.json and merges.txt"):
        read_tokenizer(tmp_path)
    folder = gpt2_folder(tmp_path / "folder")
    assert read_tokenizer(folder) == TOKENIZER
    (folder / "tokenizer.json").write_bytes(FILE)
    assert read_tokenizer(folder) == read_tokenizer(folder / "tokenizer.json") == TOKENIZER
    with pytest.raises(TokenizerError, match="none.json cannot be read: No such file"):
        read_tokenizer(tmp_path / "none.json")
    with pytest.raises(TokenizerError, match="cannot be read"):
        read_tokenizer("\0")


def gpt2_folder(folder, **files):
    """The tokenizer as GPT-2's two files, and other files beside them."""
    folder.mkdir()
    merges = [f"{token_text(left)} {token_text(right)}" for left, right in TOKENIZER.vocabulary.merges]
    (folder / "vocab.json").write_text(json.dumps(json.loads(FILE)["model"]["vocab"]))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    for name, contents in files.items():
        (folder / f"{name}.json").write_text(json.dumps(contents))
    return folder


END = {"content": "<|endoftext|>", "special": True}
BESIDE = {
    "another model": ({"config": {"model_type": "qwen2"}}, "config.json has model_type 'qwen2'"),
    "another class": ({"tokenizer_config": {"tokenizer_class": "Qwen2Tokenizer"}}, "tokenizer_class 'Qwen2Tokenizer'"),
    "a space": ({"tokenizer_config": {"add_prefix_space": True}}, "tokenizer_config.json has add_prefix_space True"),
    "added": ({"added_tokens": {"<tool>": 340}}, "the added token '<tool>'"),
    "added, newer": ({"tokenizer_config": {"added_tokens_decoder": {"340": {"content": "b"}}}}, "added token 'b'"),
    "moved": ({"added_tokens": {"<|endoftext|>": 340}}, "the added token '<.endoftext.>'"),
    "not a table": ({"added_tokens": []}, "added_tokens.json should be a JSON object"),
}


@pytest.mark.parametrize("files, message", BESIDE.values(), ids=BESIDE)
def test_what_lies_beside_gpt2s_files_is_not_left_out(files, message, tmp_path):
    with pytest.raises(TokenizerError, match=message):
        read_tokenizer(gpt2_folder(tmp_path / "folder", **files))


def test_what_changes_nothing_beside_gpt2s_files_is_read_over(tmp_path):
    config = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "added_tokens_decoder": {"339": END}}
    files = {"config": {"model_type": "gpt2"}, "tokenizer_config": config, "added_tokens": {"<|endoftext|>": 339}}
    assert read_tokenizer(gpt2_folder(tmp_path / "folder", **files)) == TOKENIZER


def changed(**changes):
    """The contents of a tokenizer.json with fields changed by dotted name."""
    contents = copy.deepcopy(json.loads(FILE))
    for name, value in changes.items():
        *path, last = name.split("__")
        node = contents
        for part in path:
            node = node[part]
        node[last] = value
    return contents


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
WITH_ANOTHER = {"id": 340, "content": "<tool>", "special": False}


def in_sequence(*pretokenizers):
    return {"type": "Sequence", "pretokenizers": [*pretokenizers, BYTE_LEVEL]}


def split(**options):
    """A Split with options."""
    return {"type": "Split", "pattern": {"Regex": " "}, "behavior": "Isolated", "invert": False, **options}


@pytest.mark.parametrize(
    "contents, message",
    [
        (None, "should be a JSON object"),
        ([], "should be a JSON object"),
        ({}, "with an object 'model'"),
        ({"model": 3}, "with an object 'model'"),
        (
            changed(model__type="WordPiece"),
            "a WordPiece model; pygpt reads byte-level BPE, as in GPT-2, and BPE with byte",
        ),
        (changed(model__type="Unigram"), "a Unigram model"),
        ({"model": {"vocab": {}}}, "a None model"),
        (changed(model__type=["BPE"]), "model"),
        (changed(normalizer={"type": "NFKC"}), r"it has a normalizer \(NFKC\)"),
        (changed(normalizer={"type": "Sequence"}), "a Sequence in it has no list of normalizers"),
        (changed(normalizer=[]), r"it has a normalizer \(\[\]\)"),
        (changed(pre_tokenizer=None), "its pre-tokenizer is None"),
        (changed(pre_tokenizer={"type": "Metaspace"}), "its pre-tokenizer is Metaspace"),
        (changed(pre_tokenizer=in_sequence({"type": "Punctuation"})), "its pre-tokenizer has the part Punctuation"),
        (
            changed(pre_tokenizer={"type": "Sequence", "pretokenizers": [BYTE_LEVEL, split()]}),
            "its pre-tokenizer is a sequence of ByteLevel, Split",
        ),
        (changed(pre_tokenizer=in_sequence(split(behavior="Removed"))), "the behavior 'Removed' and invert False"),
        (changed(pre_tokenizer=in_sequence(split(behavior="MergedWithNext"))), "the behavior 'MergedWithNext'"),
        (changed(pre_tokenizer=in_sequence(split(pattern={"String": " "}))), "has the pattern {'String': ' '}"),
        (changed(pre_tokenizer=in_sequence(split(pattern={"Regex": r"\w+"}))), r"the pattern .* has '\\\\w'"),
        (changed(pre_tokenizer=in_sequence(split(pattern={"Regex": r"\p{Han}"}))), "{Han}', which pygpt does not read"),
        (
            changed(pre_tokenizer=in_sequence(split(pattern={"Regex": r"[一-龥\s]"}))),
            "has '一', which pygpt does not read",
        ),
        (
            changed(pre_tokenizer=in_sequence(split(pattern={"Regex": "[龥-一]"}))),
            "cannot be read: bad character range",
        ),
        (changed(pre_tokenizer=in_sequence(split(pattern={"Regex": "[^一]"}))), "has '一', which pygpt does not read"),
        (changed(pre_tokenizer=in_sequence(split(pattern={"Regex": "[a&&b]"}))), "has 'a set within a set'"),
        (changed(pre_tokenizer=in_sequence(split(pattern={"Regex": "[a"}))), "has 'a set without an end'"),
        (changed(pre_tokenizer=in_sequence(split(pattern={"Regex": "(a"}))), "cannot be read: missing \\)"),
        (changed(pre_tokenizer=in_sequence({"type": "Digits", "individual_digits": 3})), "individual_digits 3"),
        (changed(pre_tokenizer__add_prefix_space=True), "its pre-tokenizer has add_prefix_space true"),
        (changed(pre_tokenizer__use_regex="no"), "its pre-tokenizer has use_regex 'no'"),
        (changed(decoder=None), "its decoder is None"),
        (changed(decoder={"type": "WordPiece"}), "its decoder is WordPiece"),
        (changed(post_processor={"type": "RobertaProcessing"}), "its post-processor is RobertaProcessing"),
        (changed(model__byte_fallback=True), "its pre-tokenizer is ByteLevel"),
        (changed(model__byte_fallback=3), "its model has byte_fallback 3"),
        (changed(model__byte_fallback=True, pre_tokenizer=METASPACE), "its decoder is ByteLevel"),
        (changed(model__byte_fallback=True, normalizer={"type": "NFC"}), r"a normalizer \(NFC\)"),
        (changed(model__dropout=0.1), "its model has dropout 0.1"),
        (changed(model__ignore_merges=3), "its model has ignore_merges 3"),
        (changed(model__continuing_subword_prefix="##"), "continuing_subword_prefix '##'"),
        (changed(model__end_of_word_suffix="</w>"), "end_of_word_suffix '</w>'"),
        (changed(added_tokens={}), "added_tokens should be a list"),
        (changed(added_tokens=[{}]), "an id and a content"),
        (changed(added_tokens=[WITH_ANOTHER | {"lstrip": True}]), "its added token '<tool>', .* is lstrip"),
        (changed(added_tokens=[WITH_ANOTHER | {"content": ""}]), "an empty added token"),
        (
            changed(added_tokens=[WITH_ANOTHER | {"normalized": True}], normalizer={"type": "NFC"}),
            "its added token '<tool>', which is not special, is normalized",
        ),
        (
            changed(added_tokens=[{"id": 3, "content": "<|endoftext|>", "special": True}]),
            "has the id 3 in one place and 339",
        ),
        (changed(model__vocab=[]), "the vocabulary should be an object"),
        (changed(model__merges={}), "no list of merges"),
        (changed(added_tokens=[WITH_ANOTHER | {"content": "\udc00"}]), r"an unpaired surrogate, '\\udc00'"),
        (changed(model__unk_token="\ud800"), r"an unpaired surrogate, '\\ud800'"),
        (changed(post_processor={"type": "TemplateProcessing", "single": ["\udfff"]}), "an unpaired surrogate"),
        (changed(model__merges=["a b c"]), "a merge should be two tokens; one of these is 'a b c'"),
        (changed(model__merges=[["a"]]), "a merge should be two tokens"),
        (changed(model__merges=[[1, 2]]), "two tokens"),
        (changed(model__merges=[["q", "z"]]), "needs the token b'qz', which the vocabulary does not have"),
        (changed(model__merges=[["", "z"]]), "an empty one"),
        (changed(model__merges=[["東", "z"]]), "stands for no byte"),
        (changed(model__merges=[["t", "h"]] * 2), "the vocabulary does not have|listed twice"),
        (changed(model__vocab__q=3), "should have ids from 0, with few gaps, each once"),
        (changed(model__vocab__q="3"), "each once"),
        (changed(model__vocab__q=True), "each once"),
        (changed(model__vocab__q=10**30), "each once"),
        (changed(model__vocab={"a": 0, "<|endoftext|>": 339}), "each once"),
        (changed(model__vocab={"東": 0}, added_tokens=[]), "no byte"),
        (changed(model__vocab={"a": 0}, added_tokens=[], model__merges=[]), "255 bytes have no token"),
    ],
)
def test_another_kind_is_refused_and_named(contents, message):
    with pytest.raises(TokenizerError, match=message):
        vocabulary_from_json(contents)


@pytest.mark.parametrize(
    "pattern, part",
    {
        "[]a]": "a set that begins with ]",
        "[^]a]": "a set that begins with ]",
        "(?i:[^t])": "(?i:[^t])",
        r"(?i:\p{Lu})": r"(?i:\p{Lu})",
        r"(?i)x|[\p{Ll}]": r"(?i:[\p{Ll}])",
        "(?i:ss)": "(?i:ss)",
        "(?i:S(?:s))": "(?i:ss)",
        "(?i:[s]T)": "(?i:st)",
        "(?i:f{2})": "(?i:ff)",
    }.items(),
    ids=str,
)
def test_what_oniguruma_reads_in_another_way_is_refused(pattern, part):
    """Oniguruma's "]" at the start of a set is a letter, and where the case is ignored, "ss" matches "ß"."""
    with pytest.raises(TokenizerError) as refused:
        vocabulary_from_json(changed(pre_tokenizer=in_sequence(split(pattern={"Regex": pattern}))))
    assert f" has {part!r}, which pygpt does not read" in str(refused.value)


@pytest.mark.parametrize("pattern", ["(?i:'s)s", "(?i:s|s)", "(?i:[st]+)[^t]", r"(?i:a\s.\p{N})", "(?i:x)ss"])
def test_where_the_case_is_ignored_the_rest_is_read_as_oniguruma_does(pattern):
    contents = changed(pre_tokenizer=in_sequence(split(pattern={"Regex": pattern})))
    ours, library = BPETokenizer(vocabulary_from_json(contents)), tokenizers.Tokenizer.from_str(json.dumps(contents))
    chance = random.Random(6)
    for _ in range(300):
        text = "".join(chance.choices("sStTaAxXſßKk'9½ \x85\n\u3000", k=12))
        assert ours.encode(text).tolist() == library.encode(text).ids, repr(text)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 200_000, b"9" * 9000, b'{"model": {"merges": NaN}}'])
def test_data_that_is_not_json_is_refused(data):
    with pytest.raises(TokenizerError):
        read_tokenizer_json(data)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["BPE", "ByteLevel", "Sequence", "a", "Ġ", "Ġ t", "<|endoftext|>"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "vocab", "merges", "model", "content", "id", "special", "pretokenizers", "a"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_fuzzed_file_raises_tokenizer_error_or_can_be_used(data):
    contents = json.loads(FILE)
    for _ in range(data.draw(st.integers(1, 3))):
        node = contents
        while True:
            keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(node[key], dict | list) and node[key] and data.draw(st.integers(0, 3)):
                node = node[key]
                continue
            if data.draw(st.booleans()):
                node[key] = data.draw(anything)
            else:
                del node[key]
            break
    try:
        tokenizer = BPETokenizer(vocabulary_from_json(contents))
    except TokenizerError:
        return
    assert tokenizer.decode(tokenizer.encode(TEXT[:300])) == TEXT[:300]


@settings(max_examples=300)
@given(st.binary(max_size=60), st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", FILE[:4000]]))
def test_files_of_any_bytes_raise_tokenizer_error(merges, vocab):
    for read, data in (read_gpt2, (vocab, merges)), (read_tokenizer_json, (merges,)), (read_tokenizer_json, (vocab,)):
        with pytest.raises(TokenizerError):
            read(*data)


def test_gpt2s_files_are_read_line_by_line():
    vocab = {
        token_text(token): index for index, token in enumerate(BPETokenizer.train("", False, 256).vocabulary.tokens)
    }
    vocab |= {"##": 256, "<|endoftext|>": 257}
    data = json.dumps(vocab).encode()
    vocabulary = read_gpt2(data, b"#version: 0.2\r\n# #\r\n")
    assert vocabulary.merges == ((b"#", b"#"),) and vocabulary.bos == 257 and vocabulary.tokens[256] == b"##"
    for wrong in "a", "a b c", "a  b", " a":
        with pytest.raises(TokenizerError, match="a line of merges.txt should be two tokens|an empty one"):
            read_gpt2(data, wrong.encode())
    with pytest.raises(TokenizerError, match="merges.txt is not UTF-8: byte 0xff at offset 1"):
        read_gpt2(data, b"a\xff")
