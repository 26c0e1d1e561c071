"""What crosses between a box and its parent."""

import collections
import decimal
import enum
import fractions
import json
import math
import re
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sandbox.values import DEEPEST, LARGEST, Unsendable, dumps, loads, same, texts


class Number(enum.IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -(2**70), 2**9999, 1.5, math.inf, "a\ud800\0é", [], [1, [2]], (1, (2,)), {1: {"a": (2,)}},
        {1, 2}, frozenset("ab"), b"\xff", bytearray(b"x"), 1 + 2j, range(3, 9, 2), fractions.Fraction(1, 3),
        decimal.Decimal("0.1"), collections.deque([1]),
        {(a, b) for a in range(-30, 31) for b in range(-30, 31)}, {1: 2}.keys(), {(1, 2): 2}.items(), set(range(5000)),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_plain_data_crosses_as_it_is(value: Any) -> None:
    got = loads(dumps(value))
    assert type(got) is type(value) and got == value


@pytest.mark.parametrize(
    ("value", "crossed"),
    [
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.namedtuple("Pair", "a b")(1, 2), (1, 2)),
        (Number.ONE, 1),
        (collections.OrderedDict(a=1).keys(), {"a": 1}.keys()),
        (collections.OrderedDict(a=1).items(), {"a": 1}.items()),
        (np.int64(3), 3),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (np.array([[1, 2]]), [[1, 2]]),
    ],
)
def test_what_derives_from_it_crosses_as_that(value: Any, crossed: Any) -> None:
    got = loads(dumps(value))
    assert type(got) is type(crossed) and got == crossed


def test_the_values_of_a_dictionary_cross_as_such() -> None:
    got = loads(dumps({1: "a", 2: "a"}.values()))
    assert isinstance(got, type({}.values())) and list(got) == ["a", "a"] and same(got, {3: "a", 4: "a"}.values())


def test_a_match_crosses_as_one_of_what_was_found() -> None:
    assert loads(dumps(re.search("b.*d", "abc\nde", re.DOTALL)))[0] == "bc\nd"


def test_an_iterator_crosses_as_one() -> None:
    got = loads(dumps(x * x for x in range(3)))
    assert iter(got) is got and list(got) == [0, 1, 4]


def nested(depth: int) -> list[Any]:
    return [] if depth == 0 else [nested(depth - 1)]


def shown_in_itself(view: str) -> Any:
    holder: dict[int, Any] = {}
    holder[1] = getattr(holder, view)()
    return holder[1]


@pytest.mark.parametrize(
    "value",
    [
        shown_in_itself("values"),
        shown_in_itself("items"),
        object(),
        len,
        int,
        "x" * LARGEST,
        nested(DEEPEST + 1),
        iter(int, 1),
        {1: object()},
        re.search(b"a", b"a"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_does_not_cross_is_refused(value: Any) -> None:
    with pytest.raises(Unsendable):
        dumps(value)


@pytest.mark.parametrize(
    "message",
    [
        b"", b"{", b"\xff", b'{"tuple": [1], "set": []}', b'{"unknown": 1}', b'{"dict": [[[], 1]]}', b'{"set": [[]]}',
        b'{"int": "x"}', b'{"int": 3}', b'{"dict": 3}', b'{"complex": []}', b'{"range": ["x"]}',
        b'{"Fraction": ["1", "0"]}', b'{"Decimal": "x"}', b"[" * 10**5, b"1" * 5000, b'{"bytes": "x"}', b"{}",
        b'{"keys": [[]]}', b'{"Match": 1}', b'{"items": [1]}', b'{"Fraction": ["1"]}', b'{"Fraction": ["0x1", 2]}',
    ],
)  # fmt: skip
def test_a_message_that_is_no_value_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match="not a value"):
        loads(message)


def alike(number: int) -> dict[str, Any]:
    """A tuple, as it crosses, of one hash value with those of other numbers."""
    zeros = [{"int": hex(2**61 - 1)}, 0]
    return {"tuple": [zeros[number >> bit & 1] for bit in range(60)]}


@pytest.mark.parametrize(
    "message",
    [
        json.dumps({kind: [member * (2**61 - 1) for member in range(1, 60_000)]}).encode()
        for kind in ("set", "frozenset", "keys")
    ]
    + [
        json.dumps({"dict": [[member * (2**61 - 1), 0] for member in range(1, 60_000)]}).encode(),
        json.dumps({"set": [{"frozenset": [k * (2**61 - 1) for k in range(n, n + 100)]} for n in range(400)]}).encode(),
        # Each equal to others in its hash value, and slow to compare.
        json.dumps({"set": [alike(n) for n in range(600)]}).encode(),
        b'{"Fraction": ["%s1", "%s3"]}' % (b"7" * 10**6, b"5" * 10**6),
        b'{"Decimal": "%s"}' % (b"7" * 10**6),
    ],
    ids=range(8),
)
def test_what_would_take_for_ever_to_read_is_refused(message: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match="not a value"):
        loads(message)
    assert time.process_time() - began < 2.0


def test_texts_are_read_without_making_any_value() -> None:
    assert texts(b'["a", "b"]', 2) == ["a", "b"]
    for message in (
        b"",
        b'["a"]',
        b'["a", {"int": "1"}]',
        b'[{"set": [1]}, ""]',
        b'{"tuple": ["a", "b"]}',
        b"[" * 10**5,
    ):
        with pytest.raises(ValueError, match="not these texts"):
            texts(message, 2)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,0123456789intdcup ', max_size=60).map(str.encode))
def test_any_message_is_a_value_or_refused(message: bytes) -> None:
    try:
        value = loads(message)
    except ValueError:
        return
    assert same(loads(dumps(value)), loads(message))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (1, 1, True), (1, 1.0, True), (0.1 + 0.2, 0.3, True), (1, True, False), (0, False, False), (1, "1", False),
        (1.0, 1.001, False), (math.nan, math.nan, True), (math.inf, -math.inf, False), (10**400, 1.0, False),
        (10**400, 10**400 + 1, False), ([1], (1,), False), ([1, 2], [1], False), ([0.1 + 0.2], [0.3], True),
        ({"a": [1]}, {"a": [1.0]}, True), ({"a": 1}, {"b": 1}, False), ({1}, {1}, True), ({1}, [1], False),
        ("a", "a", True), (None, None, True), (None, 0, False), ({1}, {True}, False), ({1: 2}, {True: 2}, False),
        ({(1,)}, {(True,)}, False), (frozenset([1.0]), frozenset([1]), True), ({1: 2}.keys(), {1: 3}.keys(), True),
        ({True: 1}.keys(), {1: 1}.keys(), False), ({1: True}.items(), {1: 1}.items(), False),
        ({1: [0.1 + 0.2]}.items(), {1: [0.3]}.items(), True),
        (decimal.Decimal("sNaN"), decimal.Decimal("sNaN"), False),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_values_are_compared_by_type_and_value(one: Any, other: Any, alike: bool) -> None:
    assert same(one, other) is same(other, one) is alike
