"""`pygpt sample`: text on standard output, and nothing else."""

import sys

from pygpt.cli.commands import Sample
from pygpt.errors import ExperimentError
from pygpt.inference.trained_model import load


def sample(command: Sample) -> int:
    """Write the texts as they come."""
    if command.max_new_tokens < 1:
        raise ExperimentError("max-new-tokens", f"{command.max_new_tokens} is fewer than 1")
    if command.num_samples < 1:
        raise ExperimentError("num-samples", f"{command.num_samples} is fewer than 1")
    model = load(command.run, command.device)
    for number in range(command.num_samples):
        if number:
            print()
        pieces = model.stream(
            command.prompt,
            command.max_new_tokens,
            temperature=command.temperature,
            top_k=command.top_k,
            top_p=command.top_p,
            min_p=command.min_p,
            repetition_penalty=command.repetition_penalty,
            stop=command.stop,
            seed=(command.seed + number) % 2**32,
        )
        first = next(pieces)
        sys.stdout.write(command.prompt + first)
        for piece in pieces:
            sys.stdout.write(piece)
            sys.stdout.flush()
        print(flush=True)
    return 0
