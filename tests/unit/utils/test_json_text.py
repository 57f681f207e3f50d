"""JSON as its standard defines it: other languages read what is printed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygpt.utils.json_text import json_text


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    )
)
def test_nothing_is_printed_that_json_does_not_know(value):
    json.loads(json_text(value), parse_constant=refuse)


@pytest.mark.parametrize(
    "value, text",
    [
        (float("nan"), "null"),
        ([1.5, float("inf")], "[1.5, null]"),
        ({"a": (float("-inf"), 2)}, '{"a": [null, 2]}'),
        ([1e308, 1e308], "[1e+308, 1e+308]"),
    ],
)
def test_what_is_not_finite_is_null(value, text):
    assert json_text(value) == text
