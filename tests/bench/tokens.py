"""Time learning a byte-level BPE of 1,024 tokens from 1 MB of text and encoding it, natively and in the tab."""

import inspect
import random
import time

from pygpt.data import load_text
from pygpt.tokenizers import train_tokenizer
from tests.bench.records import median
from tests.bench.site import open_site, open_tab

TEXTS = ("tales", "python", "shakespeare", "letters")
VOCABULARY = 1024
IN_TAB = """
from pyodide.http import pyfetch
from pygpt.data import load_text, open_dataset_bytes

async def text_of(name):
    if name == "tales":
        return load_text(name).text
    if name == "letters":
        return letters()
    return open_dataset_bytes(name, await (await pyfetch(SITE + f"data/{name}.txt")).bytes()).text
"""


def letters() -> str:
    """A million random letters without spaces: one word without repeated parts."""
    return "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=1_000_000))


def timed(text: str, vocab_size: int) -> dict:
    """Measure the seconds to learn and to encode; runs here and, sent as source, in the tab."""
    start = time.perf_counter()
    tokenizer = train_tokenizer("bpe", text, False, vocab_size)
    learned = time.perf_counter()
    ids = tokenizer.encode(text)
    encoded = time.perf_counter()
    return {
        "learn": learned - start,
        "encode": encoded - learned,
        "tokens": len(ids),
        "vocabulary": tokenizer.vocab_size,
        "bytes": len(text.encode()),
        "exact": tokenizer.decode(ids) == text,
    }


def show(where: str, name: str, rounds: list[dict]) -> None:
    """Print the medians of the rounds."""
    first = rounds[0]
    learn, encode = (median([result[key] for result in rounds]) for key in ("learn", "encode"))
    print(
        f"{where:<9}{name:<13}{first['bytes']:>11,} bytes: {first['vocabulary']:,} tokens learned in {learn:.2f} s, "
        f"encoded in {encode:.2f} s to {first['tokens']:,} tokens, {'exact' if first['exact'] else 'NOT EXACT'}",
        flush=True,
    )


def measure(options) -> None:
    """Measure natively, then in Chromium; the tab reads its texts from the site."""
    for name in TEXTS:
        text = letters() if name == "letters" else load_text(name).text
        show("native", name, [timed(text, VOCABULARY) for _ in range(options.rounds)])
    with open_site() as (server, browser), open_tab(server, browser) as tab:
        tab.run(
            f"import random\nimport time\nfrom pygpt.tokenizers import train_tokenizer\nSITE = {server.url!r}\n{IN_TAB}"
        )
        tab.run(inspect.getsource(letters) + inspect.getsource(timed))
        for name in TEXTS:
            code = f"timed(await text_of({name!r}), {VOCABULARY})"
            show("tab", name, [tab.run(code, seconds=300) for _ in range(options.rounds)])
