"""Lesson zero: a whole GPT on one page of plain Python, one number at a time.

    python -m pygpt.micro names.txt

It reads names, one on each line, and learns to invent more. The rest of this package computes the same with arrays on a
fast device; this file is slow but shows every step. Read it from top to bottom: numbers that store how they were
computed, the model, training, sampling.

The random draws and the arithmetic are those of Andrej Karpathy's microgpt, so the same seed gives the same losses. The
tests compare the engine with this file: `pygpt train micro --model.init python-random` gives the same losses too.
"""

import math
import random
import sys

N_LAYER, N_HEAD, N_EMBD, BLOCK = 1, 4, 16, 16  # layers, heads per layer, embedding width, context length
LEARNING_RATE, BETA1, BETA2, EPSILON = 0.01, 0.85, 0.99, 1e-8


class Number:
    """A number, the numbers it was computed from (parents) and its derivative with respect to each (derivatives)."""

    __slots__ = ("value", "parents", "derivatives", "gradient")

    def __init__(self, value, parents=(), derivatives=()):
        self.value, self.parents, self.derivatives, self.gradient = value, parents, derivatives, 0.0

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
        """This number if it is positive, else 0."""
        return Number(max(0.0, self.value), (self,), (float(self.value > 0),))

    def backward(self):
        """Set the gradient of every number that this one depends on: the derivative of this one with respect to it.

        This is the chain rule: each number adds its gradient times the slope to each parent's gradient. Its own must be
        complete by then, so `order` lists parents first and the loop runs through it backwards.
        """
        order, visited, stack = [], set(), [(self, False)]
        while stack:
            number, parents_are_listed = stack.pop()
            if parents_are_listed:
                order.append(number)
            elif number not in visited:
                visited.add(number)
                stack.append((number, True))
                stack += [(parent, False) for parent in number.parents]
        self.gradient = 1.0
        for number in reversed(order):
            for parent, slope in zip(number.parents, number.derivatives):
                parent.gradient += slope * number.gradient


def dot(a, b):
    """The sum of a[i] * b[i]. A neural network consists mostly of these, so each is one Number rather than dozens."""
    left, right = [x.value for x in a], [x.value for x in b]
    return Number(sum(x * y for x, y in zip(left, right)), (*a, *b), (*right, *left))


def linear(matrix, x):
    """The product of a matrix and a vector: the dot product of each row with x."""
    return [dot(row, x) for row in matrix]


def softmax(logits):
    """Turn logits into positive probabilities that sum to 1. Subtracting the largest logit only keeps exp in range."""
    largest = max(logit.value for logit in logits)
    exponentials = [(logit + -largest).exp() for logit in logits]
    scale = dot(exponentials, [Number(1.0)] * len(exponentials)) ** -1
    return [each * scale for each in exponentials]


def rmsnorm(x):
    """x scaled so that the mean square of its numbers is 1."""
    scale = (dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5
    return [each * scale for each in x]


def add(a, b):
    """The elementwise sum of two lists."""
    return [left + right for left, right in zip(a, b)]


class MicroGPT:
    """A GPT that learns and generates short documents, one on each line of `text`; `seed` is the random seed.

    A token is a character, or the delimiter before and after each document; its id, `bos`, follows the characters'.
    """

    def __init__(self, text, seed=42, n_layer=N_LAYER):
        self.rng = random.Random(seed)
        self.documents = [line.strip() for line in text.split("\n") if line.strip()]
        self.rng.shuffle(self.documents)
        self.characters = sorted(set("".join(self.documents)))
        self.bos = len(self.characters)
        self.wte, self.wpe, self.lm_head = (self.matrix(rows, N_EMBD) for rows in (self.bos + 1, BLOCK, self.bos + 1))
        hidden = 4 * N_EMBD
        sizes = {
            "wq": (N_EMBD, N_EMBD),
            "wk": (N_EMBD, N_EMBD),
            "wv": (N_EMBD, N_EMBD),
            "wo": (N_EMBD, N_EMBD),
            "fc1": (hidden, N_EMBD),
            "fc2": (N_EMBD, hidden),
        }
        self.layers = [{name: self.matrix(*size) for name, size in sizes.items()} for _ in range(n_layer)]
        matrices = [self.wte, self.wpe, self.lm_head, *(matrix for layer in self.layers for matrix in layer.values())]
        self.parameters = [number for matrix in matrices for row in matrix for number in row]

    def matrix(self, rows, columns):
        """A matrix of small random numbers."""
        return [[Number(self.rng.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]

    def logits(self, token, position, memory):
        """The logit of each possible next token. `memory` holds the keys and values of the earlier tokens, by layer."""
        x = rmsnorm(add(self.wte[token], self.wpe[position]))
        for layer, (keys, values) in zip(self.layers, memory):
            # Attention: compare the token's query with the key of every token so far. The result is the mean of their
            # values, weighted by how well query and key match. Each head does this in its own part of the numbers.
            normed = rmsnorm(x)
            query = linear(layer["wq"], normed)
            keys.append(linear(layer["wk"], normed))
            values.append(linear(layer["wv"], normed))
            attended, size = [], N_EMBD // N_HEAD
            for head in range(N_HEAD):
                part = slice(head * size, (head + 1) * size)
                weights = softmax([dot(query[part], key[part]) * size**-0.5 for key in keys])
                attended += [dot(weights, column) for column in zip(*(value[part] for value in values))]
            x = add(linear(layer["wo"], attended), x)
            # MLP: each token on its own, with a hidden layer four times as wide.
            hidden = [number.relu() for number in linear(layer["fc1"], rmsnorm(x))]
            x = add(linear(layer["fc2"], hidden), x)
        return linear(self.lm_head, x)

    def empty_memory(self):
        """The memory before the first token: no keys and no values in any layer."""
        return [([], []) for _ in self.layers]

    def loss(self, document):
        """The cross-entropy of a document: the mean of minus the logarithm of each next token's probability."""
        tokens = [self.bos, *map(self.characters.index, document), self.bos][: BLOCK + 1]
        memory, losses = self.empty_memory(), []
        for position, (token, following) in enumerate(zip(tokens, tokens[1:])):
            losses.append(softmax(self.logits(token, position, memory))[following].log() * -1.0)
        return dot(losses, [Number(1 / len(losses))] * len(losses))

    def train(self, steps=1000):
        """A generator that trains on one document at each step and yields its loss.

        Adam: each parameter moves against the running mean of its gradient, divided by the root of the running mean of
        its square. So all take steps of about the same size, the learning rate, which falls linearly to 0.
        """
        mean, square = [0.0] * len(self.parameters), [0.0] * len(self.parameters)
        for step in range(steps):
            loss = self.loss(self.documents[step % len(self.documents)])
            loss.backward()
            rate = LEARNING_RATE * (1 - step / steps)
            # Bias correction: both means start at 0, so they are too small at first.
            mean_weight, square_weight = 1 - BETA1 ** (step + 1), 1 - BETA2 ** (step + 1)
            for index, number in enumerate(self.parameters):
                mean[index] = BETA1 * mean[index] + (1 - BETA1) * number.gradient
                square[index] = BETA2 * square[index] + (1 - BETA2) * number.gradient**2
                root = math.sqrt(square[index] / square_weight)
                number.value -= rate * (mean[index] / mean_weight) / (root + EPSILON)
                number.gradient = 0.0
            yield loss.value

    def generate(self, temperature=0.5):
        """Generate a document, token by token; a lower temperature makes likely tokens even likelier."""
        token, text, memory = self.bos, "", self.empty_memory()
        for position in range(BLOCK):
            probabilities = softmax([logit * (1 / temperature) for logit in self.logits(token, position, memory)])
            (token,) = self.rng.choices(range(self.bos + 1), [each.value for each in probabilities])
            if token == self.bos:
                break
            text += self.characters[token]
        return text


def main(path, steps=1000, seed=42):
    """Train on the file and print the losses; then print twenty generated documents."""
    with open(path, encoding="utf-8") as file:
        model = MicroGPT(file.read(), int(seed))
    print(f"{len(model.documents):,} documents, {model.bos + 1} tokens, {len(model.parameters):,} parameters")
    for step, loss in enumerate(model.train(int(steps)), 1):
        print(f"step {step:4} of {steps}   loss {loss:.4f}", end="\r" if step % 100 else "\n", flush=True)
    print("\nGenerated documents:")
    for _ in range(20):
        print(f"  {model.generate()}")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(
            "usage: python -m pygpt.micro FILE [STEPS [SEED]], where FILE has one document on each line, such as a name"
        )
    main(*sys.argv[1:])
