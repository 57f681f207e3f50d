"""Synthetic tasks: generated questions with one right answer each, so that accuracy can be measured.

A task is a text that is loaded by name. "task:addition" is ten thousand lines such as 123+045=0168. Settings follow the
name: "task:addition,length=4,examples=50000,seed=1". Every question is unique, so no question held out for validation
is trained on. Each maker below draws one question and its answer with `chance`, for a given length.

The setting `format` selects a variant with lines of another form. Those of the format mingpt, from minGPT's
projects/adder and demo.ipynb, are lines of digits: the first ones, always equally many, are the question, and the
answer follows at once. There the model sees nothing else; here, as for every document, a delimiter comes before the
line, and is to be predicted after it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from pygpt.data.sources.tales import SplitMix64
from pygpt.data.text import Text, make_text
from pygpt.errors import DataError

PREFIX = "task:"
SEPARATOR = "="  # between question and answer; no question contains it
LETTERS = "abcdefghij"
DIGITS = "0123456789"
BRACKETS = ("()", "[]", "{}")

MIN_EXAMPLES, MAX_EXAMPLES = 20, 1_000_000  # examples
MAX_REPEATED_QUESTIONS = 1000  # repeated questions in a row after which a task counts as exhausted


@dataclasses.dataclass(frozen=True)
class Task:
    """A task that can be loaded by name, which ends with ",format=" and a format if it is a variant of another task.

    `length` is the default, and `measures` describes what it counts. With the `separator` "", all questions of one
    length must have the same number of characters.
    """

    name: str
    description: str
    make: Callable[[SplitMix64, int], tuple[str, str]]
    measures: str
    length: int
    shortest: int = 1
    longest: int = 64
    separator: str = SEPARATOR


def _word(chance: SplitMix64, length: int, symbols: str = LETTERS) -> str:
    """Draw one to `length` symbols."""
    return "".join(chance.pick(symbols) for _ in range(1 + chance.below(length)))


def _copy(chance, length):
    word = _word(chance, length)
    return word, word


def _reverse(chance, length):
    word = _word(chance, length)
    return word, word[::-1]


def _sort(chance, length):
    digits = _word(chance, length, DIGITS)
    return digits, "".join(sorted(digits))


def _addition(chance, length):
    # In half of the questions, short numbers are as frequent as long ones: a model learns to carry from them.
    if chance.below(2):
        a, b = chance.below(10**length), chance.below(10**length)
    else:
        a, b = (chance.below(10 ** (1 + chance.below(length))) for _ in range(2))
    return f"{a:0{length}}+{b:0{length}}", f"{a + b:0{length + 1}}"


def _mingpt_addition(chance, length):
    a, b = chance.below(10**length), chance.below(10**length)
    return f"{a:0{length}}{b:0{length}}", f"{a + b:0{length + 1}}"[::-1]


def _mingpt_sort(chance, length):
    digits = "".join(chance.pick("012") for _ in range(length))
    return digits, "".join(sorted(digits))


def _modular_addition(chance, length):
    modulus = largest_prime_below(10**length)
    a, b = chance.below(modulus), chance.below(modulus)
    return f"{a}+{b}", str((a + b) % modulus)


def _parity(chance, length):
    bits = _word(chance, length, "01")
    return bits, "odd" if bits.count("1") % 2 else "even"


def _brackets(chance, length):
    closers: list[str] = []
    word, left = "", 1 + chance.below(length)
    while left or closers:
        if closers and (not left or chance.below(2)):
            word += closers.pop()
        else:
            pair = chance.pick(BRACKETS)
            word, left = word + pair[0], left - 1
            closers.append(pair[1])
    if chance.below(2):
        return word, "yes"
    # Replace one bracket with a different one, so that some bracket has no partner.
    position = chance.below(len(word))
    other = chance.pick([bracket for bracket in "".join(BRACKETS) if bracket != word[position]])
    return word[:position] + other + word[position + 1 :], "no"


def _two_sum(chance, length):
    limit = max(100, 4 * length * length)
    while True:
        numbers = [chance.below(limit) for _ in range(length)]
        i = chance.below(length - 1)
        j = i + 1 + chance.below(length - 1 - i)
        total = numbers[i] + numbers[j]
        pairs = sum(numbers[k] + numbers[m] == total for k in range(length) for m in range(k + 1, length))
        if pairs == 1:
            return f"{','.join(map(str, numbers))}:{total}", f"{numbers[i]}+{numbers[j]}"


def _repeat(chance, length):
    word, times = _word(chance, length), 2 + chance.below(3)
    return f"{word}*{times}", word * times


def _counting(chance, length):
    word = _word(chance, length, LETTERS[:5])
    letter = chance.pick(LETTERS[:5])
    return f"{word}:{letter}", str(word.count(letter))


def _lookup(chance, length):
    keys = chance.shuffled("abcdefghijklmnopqrstuvwxyz")[: 1 + chance.below(length)]
    entries = {key: chance.pick(DIGITS) for key in keys}
    key = chance.pick(keys)
    return f"{''.join(key + value for key, value in entries.items())}:{key}", entries[key]


def largest_prime_below(limit: int) -> int:
    """Return the largest prime below a limit that is above 2."""
    return next(
        number
        for number in range(limit - 1, 1, -1)
        if all(number % divisor for divisor in range(2, int(number**0.5) + 1))
    )


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("copy", "A word and its copy: cab=cab.", _copy, "maximum number of letters", 8),
        Task("reverse", "A word and its reverse: cab=bac.", _reverse, "maximum number of letters", 8),
        Task("sort", "Digits, and the same digits sorted: 3142=1234.", _sort, "maximum number of digits", 6),
        Task(
            "addition",
            "Two numbers and their sum, padded with zeros: 123+045=0168.",
            _addition,
            "digits per number",
            3,
            longest=32,
        ),
        Task(
            "addition,format=mingpt",
            "Two numbers, padded with zeros, and the digits of their sum in reverse order: 85, 50 and 135 are 8550531.",
            _mingpt_addition,
            "digits per number",
            2,
            longest=32,
            separator="",
        ),
        Task(
            "sort,format=mingpt",
            "Digits from 0 to 2, and the same digits sorted: 002101000112.",
            _mingpt_sort,
            "number of digits",
            6,
            separator="",
        ),
        Task(
            "modular-addition",
            "Two numbers and their sum modulo the largest prime with that many digits: 60+50=13.",
            _modular_addition,
            "maximum number of digits per number",
            2,
            longest=9,
        ),
        Task(
            "parity", "Bits, and whether the number of ones is odd: 10110=odd.", _parity, "maximum number of bits", 14
        ),
        Task(
            "brackets",
            "Brackets, and whether they are balanced (a Dyck language): ([]{})=yes.",
            _brackets,
            "maximum number of pairs",
            6,
        ),
        Task(
            "two-sum",
            "Numbers, a colon, a sum, and the only two numbers that add up to it: 17,4,38,25:42=17+25.",
            _two_sum,
            "numbers",
            4,
            shortest=2,
            longest=32,
        ),
        Task(
            "repeat",
            "A word, a count, and the word repeated that many times: cab*3=cabcabcab.",
            _repeat,
            "maximum number of letters",
            6,
        ),
        Task(
            "counting",
            "Letters, a colon, one of the letters, and how often it occurs: abcab:a=2.",
            _counting,
            "maximum number of letters",
            10,
        ),
        Task(
            "lookup",
            "Letters with a digit each, a colon, one of the letters, and its digit: a4c7b1:c=7.",
            _lookup,
            "maximum number of entries",
            6,
            longest=26,
        ),
    )
}


def is_task(source: str) -> bool:
    """Return whether the name of a text is that of a task."""
    return source.startswith(PREFIX)


def task_text(source: str) -> Text:
    """Generate a task's text from its name. The name of the Text omits settings that have their defaults.

    Raises:
        DataError: there is no such task or setting, a value is out of range, or the task has fewer than 20 different
            questions.
    """
    task, settings = _parse(source)
    answers: dict[str, str] = {}
    chance, repeated = SplitMix64(settings["seed"]), 0
    while len(answers) < settings["examples"] and repeated < MAX_REPEATED_QUESTIONS:
        question, answer = task.make(chance, settings["length"])
        repeated = repeated + 1 if question in answers else 0
        answers[question] = answer
    if len(answers) < MIN_EXAMPLES:
        raise DataError(
            f"{source} has only {len(answers)} different questions, but learning needs at least {MIN_EXAMPLES}: "
            f"choose a length above {settings['length']}"
        )
    defaults = {"length": task.length, "examples": 10_000, "seed": 0}
    changed = [f"{key}={value}" for key, value in settings.items() if value != defaults[key]]
    name = PREFIX + ",".join([task.name, *changed])
    origin = f"{len(answers):,} questions of the task {task.name}, made by pygpt with seed {settings['seed']}"
    lines = "".join(f"{question}{task.separator}{answer}\n" for question, answer in answers.items())
    question_length = 0 if task.separator else len(next(iter(answers)))
    return make_text(name, lines, origin, True, question_length)


def _parse(source):
    """Return the task and the settings that a name gives."""
    name, *assignments = source.removeprefix(PREFIX).split(",")
    formats = [assignment for assignment in assignments if assignment.startswith("format=")]
    variant = ",".join([name, *formats])
    task = TASKS.get(variant)
    if task is None:
        raise DataError(f"there is no task {variant!r}: the tasks are {'; '.join(TASKS)}")
    limits = {"length": (task.shortest, task.longest), "examples": (MIN_EXAMPLES, MAX_EXAMPLES), "seed": (0, 2**32 - 1)}
    settings = {"length": task.length, "examples": 10_000, "seed": 0}
    for assignment in assignments:
        if assignment in formats:
            continue  # the task has it
        key, _, value = assignment.partition("=")
        if key not in limits:
            raise DataError(
                f"{source}: a task has no setting {key!r}: the settings are {', '.join(limits)}, as in "
                f"{PREFIX}{name},length={task.length}"
            )
        low, high = limits[key]
        if not (value.isascii() and value.isdecimal() and low <= int(value) <= high):
            raise DataError(
                f"{source}: {key} must be a whole number from {low:,} to {high:,} for the task {task.name}, "
                f"and {value!r} is not"
            )
        settings[key] = int(value)
    return task, settings
