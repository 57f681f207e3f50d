"""Cases whose loops would turn more than 65,535 times in one invocation, where Mesa's lavapipe ends them."""

import numpy as np

from tests.ops.chain import Case, integers, normal
from tests.ops.test_sample import case as sample_case

LENGTHS = (50_257, 65_537, 140_000)


def long_cases():
    """Return cases of the kernels that loop over a vocabulary, the rows of a batch, or tokens and channels."""
    cases = []
    for length in LENGTHS:
        row, target = normal(1, length), np.int32([length - 1])
        log_sum_exp = np.float32([np.log(np.exp(row.astype(float)).sum())])
        cases += [
            Case("softmax", [row]),
            Case("softmax_gradient", [row, np.abs(normal(1, length, seed=1)) / length]),
            Case("cross_entropy", [row, target]),
            Case("cross_entropy", [row, target], smoothing=0.1),
            Case("cross_entropy_gradient", [normal(1), row, target, log_sum_exp]),
            Case("layernorm", [row, normal(length), normal(length, seed=2)]),
            Case("rmsnorm", [row, normal(length)]),
            Case("embedding_gradient", [normal(length, 3), np.full(length, 2, np.uint32), None], vocab_size=5),
            Case("embedding_gradient", [normal(9, 2), integers(9, high=length), normal(length, 2)], vocab_size=length),
            Case("matmul", [normal(2, length), normal(length, 3, seed=1)]),
            Case("matmul", [normal(length, 2), normal(length, 3)], transpose_x=True),
            Case("sum", [normal(1, length, 2)]),
            Case("mean_valid", [normal(length), np.zeros(length, np.int32)]),
            sample_case(normal(1, length, scale=3.0), temperature=0.8, top_k=40, top_p=0.9),
        ]
    heads = {"n_head": 1}
    width, time = 64, 2048
    statistics = normal(1, time).reshape(1, 1, time)
    cases += [
        sample_case(normal(1, 262_144, scale=3.0), temperature=0.8, top_k=40, top_p=0.9),
        Case("attention", [normal(1, 4200, 3 * width), None, None], **heads),
        Case(
            "attention_gradient",
            [normal(1, time, width), normal(1, time, 3 * width), 9.0 + statistics, statistics, None, None],
            **heads,
        ),
        Case("layernorm_gradient", [normal(8, 9000), normal(8, 9000), normal(9000), np.abs(normal(8, 2)), None]),
        Case("rmsnorm_gradient", [normal(8, 9000), normal(8, 9000), normal(9000), np.abs(normal(8)), None]),
    ]
    return cases
