"""Lesson zero: a whole GPT on one page of plain Python, one number at a time.

    python -m pygpt.micro names.txt

It reads names, one a line, and learns to invent more of them. What the rest of this package does fast, in arrays, on whatever
device there is, happens here slowly and in the open. Read it from top to bottom: numbers that remember how they were made,
the model, the training, the writing.

The draws and the arithmetic are those of Andrej Karpathy's microgpt, so the same seed gives the same losses. The engine is
held against this file: `pygpt train micro --model.init python-random` gives them too.
"""

import math
import random
import sys

N_LAYER, N_HEAD, N_EMBD, BLOCK = 1, 4, 16, 16  # blocks, heads in each, numbers a token is turned into, tokens in view
LEARNING_RATE, BETA1, BETA2, EPSILON = 0.01, 0.85, 0.99, 1e-8


class Number:
    """A number that knows what it was made of (its parents) and how fast it grows with each of them (its slopes)."""

    __slots__ = ("value", "parents", "slopes", "gradient")

    def __init__(self, value, parents=(), slopes=()):
        self.value, self.parents, self.slopes, self.gradient = value, parents, slopes, 0.0

    def __add__(self, other):
        other = other if isinstance(other, Number) else Number(other)
        return Number(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Number) else Number(other)
        return Number(self.value * other.value, (self, other), (other.value, self.value))

    def __pow__(self, exponent):
        return Number(self.value**exponent, (self,), (exponent * self.value ** (exponent - 1),))

    def exp(self):
        """e to the power of this number."""
        result = math.exp(self.value)
        return Number(result, (self,), (result,))

    def log(self):
        """The natural logarithm."""
        return Number(math.log(self.value), (self,), (1 / self.value,))

    def relu(self):
        """Itself if it is positive, else 0."""
        return Number(max(0.0, self.value), (self,), (float(self.value > 0),))

    def backward(self):
        """Set the gradient of all numbers that this one depends on: how fast this one grows with each.

        It is the chain rule: a number hands its own gradient on to its parents, times the slopes. It must have it whole by
        then, so whatever was made of it comes first in the order.
        """
        order, met, waiting = [], set(), [(self, False)]
        while waiting:
            number, parents_are_listed = waiting.pop()
            if parents_are_listed:
                order.append(number)
            elif number not in met:
                met.add(number)
                waiting.append((number, True))
                waiting += [(parent, False) for parent in number.parents]
        self.gradient = 1.0
        for number in reversed(order):
            for parent, slope in zip(number.parents, number.slopes):
                parent.gradient += slope * number.gradient


def dot(a, b):
    """The sum of a[i] * b[i]: what a neural network is mostly made of, so it gets one Number rather than dozens."""
    left, right = [x.value for x in a], [x.value for x in b]
    return Number(sum(x * y for x, y in zip(left, right)), (*a, *b), (*right, *left))


def linear(matrix, x):
    """A score for each row of the matrix: how well x points the way the row does."""
    return [dot(row, x) for row in matrix]


def softmax(scores):
    """Scores become odds: all positive, 1 in all. Taking the largest score away changes nothing but keeps exp in bounds."""
    largest = max(score.value for score in scores)
    odds = [(score + -largest).exp() for score in scores]
    share = dot(odds, [Number(1.0)] * len(odds)) ** -1
    return [each * share for each in odds]


def rmsnorm(x):
    """x at a length where the squares of its numbers are 1 on average."""
    shrink = (dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5
    return [each * shrink for each in x]


def add(a, b):
    """Two lists, number by number."""
    return [left + right for left, right in zip(a, b)]


class MicroGPT:
    """A GPT that reads and writes short texts, one on each line of `text`. All its chance comes from `seed`.

    A token is a character, or the boundary before and after each text; BOS, its number, comes after the characters'.
    """

    def __init__(self, text, seed=42, n_layer=N_LAYER):
        self.chance = random.Random(seed)
        self.documents = [line.strip() for line in text.split("\n") if line.strip()]
        self.chance.shuffle(self.documents)
        self.characters = sorted(set("".join(self.documents)))
        self.bos = len(self.characters)
        self.wte, self.wpe, self.lm_head = (self.matrix(rows, N_EMBD) for rows in (self.bos + 1, BLOCK, self.bos + 1))
        wide = 4 * N_EMBD
        sizes = {
            "wq": (N_EMBD, N_EMBD),
            "wk": (N_EMBD, N_EMBD),
            "wv": (N_EMBD, N_EMBD),
            "wo": (N_EMBD, N_EMBD),
            "fc1": (wide, N_EMBD),
            "fc2": (N_EMBD, wide),
        }
        self.layers = [{name: self.matrix(*size) for name, size in sizes.items()} for _ in range(n_layer)]
        matrices = [self.wte, self.wpe, self.lm_head, *(matrix for layer in self.layers for matrix in layer.values())]
        self.parameters = [number for matrix in matrices for row in matrix for number in row]

    def matrix(self, rows, columns):
        """A matrix of small random numbers."""
        return [[Number(self.chance.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]

    def scores(self, token, position, memory):
        """A score for each token: how likely it comes next. `memory` has the keys and values of the tokens before, by layer."""
        x = rmsnorm(add(self.wte[token], self.wpe[position]))
        for layer, (keys, values) in zip(self.layers, memory):
            # Attention: the token asks (query), all tokens so far say what they have to offer (key), and it takes of each
            # what it has to say (value), the more the better the two fit. Each head does so in a part of the numbers.
            normed = rmsnorm(x)
            query = linear(layer["wq"], normed)
            keys.append(linear(layer["wk"], normed))
            values.append(linear(layer["wv"], normed))
            taken, size = [], N_EMBD // N_HEAD
            for head in range(N_HEAD):
                part = slice(head * size, (head + 1) * size)
                weights = softmax([dot(query[part], key[part]) * size**-0.5 for key in keys])
                taken += [dot(weights, column) for column in zip(*(value[part] for value in values))]
            x = add(linear(layer["wo"], taken), x)
            # Then the token thinks by itself, in four times as many numbers.
            hidden = [number.relu() for number in linear(layer["fc1"], rmsnorm(x))]
            x = add(linear(layer["fc2"], hidden), x)
        return linear(self.lm_head, x)

    def loss(self, document):
        """How surprised the model is by each next token of a document, on average: minus the logarithm of its odds."""
        tokens = [self.bos, *map(self.characters.index, document), self.bos][: BLOCK + 1]
        memory, surprises = [([], []) for _ in self.layers], []
        for position, (token, following) in enumerate(zip(tokens, tokens[1:])):
            surprises.append(softmax(self.scores(token, position, memory))[following].log() * -1.0)
        return dot(surprises, [Number(1 / len(surprises))] * len(surprises))

    def train(self, steps=1000):
        """A generator: each turn learns from one document and yields its loss.

        Adam: each parameter goes against its gradient's recent mean, over the root of its square's, so that all of them
        take steps of about the same size, which falls to 0 in the course of the training.
        """
        mean, square = [0.0] * len(self.parameters), [0.0] * len(self.parameters)
        for step in range(steps):
            loss = self.loss(self.documents[step % len(self.documents)])
            loss.backward()
            rate = LEARNING_RATE * (1 - step / steps)
            # Both began at 0, and are that much too small at first.
            mean_grown, square_grown = 1 - BETA1 ** (step + 1), 1 - BETA2 ** (step + 1)
            for index, number in enumerate(self.parameters):
                mean[index] = BETA1 * mean[index] + (1 - BETA1) * number.gradient
                square[index] = BETA2 * square[index] + (1 - BETA2) * number.gradient**2
                root = math.sqrt(square[index] / square_grown)
                number.value -= rate * (mean[index] / mean_grown) / (root + EPSILON)
                number.gradient = 0.0
            yield loss.value

    def write(self, temperature=0.5):
        """A new text, token by token; the lower the temperature, the likelier the likely ones."""
        token, text, memory = self.bos, "", [([], []) for _ in self.layers]
        for position in range(BLOCK):
            odds = softmax([score * (1 / temperature) for score in self.scores(token, position, memory)])
            (token,) = self.chance.choices(range(self.bos + 1), [each.value for each in odds])
            if token == self.bos:
                break
            text += self.characters[token]
        return text


def main(path, steps=1000, seed=42):
    """Train on the file, showing the losses; then show twenty texts of the model's own."""
    with open(path, encoding="utf-8") as file:
        model = MicroGPT(file.read(), int(seed))
    print(f"{len(model.documents):,} documents, {model.bos + 1} tokens, {len(model.parameters):,} parameters")
    for step, loss in enumerate(model.train(int(steps)), 1):
        print(f"step {step:4} of {steps}   loss {loss:.4f}", end="\r" if step % 100 else "\n", flush=True)
    print("\nNew ones:")
    for _ in range(20):
        print(f"  {model.write()}")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(
            "usage: python -m pygpt.micro FILE [STEPS [SEED]], where FILE has a word or a line of text on each line"
        )
    main(*sys.argv[1:])
