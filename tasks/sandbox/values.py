"""What crosses between a box and its parent: plain data, and how it is compared.

A value is written by whoever made it and rebuilt by whoever reads it, as one of Python's own types and of no other: an
object that calls itself equal to everything has no way through. A value of a subclass (a Counter, a named tuple)
crosses as what it is a subclass of; of numpy's, a number or an array as what ``tolist`` makes of it; an iterator as one
over what it yields; what a regular expression has found in a text as a match of that part alone. In JSON, where what
JSON has no form for is an object of one key, the type.

Read by both sides; imports nothing but Python's own library and its neighbour.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

from tasks.sandbox.wire import LARGEST

#: Levels of a nested value.
DEEPEST = 100
#: What is taken from an iterator, which may have no end.
LONGEST = 100_000
# Digits of a fraction's parts (in hexadecimal) and of a decimal: the time that they take grows with the square of their
# number. And pairs of members of a set, in all of them together, that have one hash value, as -1 and -2 have.
_MOST_DIGITS, _MOST_ALIKE = 10_000, 5000
#: Of two floats that count as equal: relative, as evalplus has it, and absolute.
TOLERANCE, NEAR_ZERO = 1e-6, 1e-9

# What a dictionary shows of itself, one with an order too: how it is called in a message, and as what it is compared.
_VIEWS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    type({}.keys()): ("keys", set),
    type({}.values()): ("values", list),
    type({}.items()): ("items", dict),
}


class Unsendable(Exception):
    """The value is none that crosses."""


def dumps(value: Any) -> bytes:
    """``value`` as a message.

    Raises:
        Unsendable: it is too large, too deep, or of a type that does not cross.
    """
    message = json.dumps(_encoded(value, 0)).encode("ascii")
    if len(message) > LARGEST:
        raise Unsendable(f"a value of {len(message)} bytes; at most {LARGEST} cross")
    return message


def loads(message: bytes) -> Any:
    """The value of a message, whoever has written it.

    Raises:
        ValueError: it is none.
    """
    try:
        return _Reader().value(json.loads(message))
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise ValueError("not a value") from error


def texts(message: bytes, number: int) -> list[str]:
    """Of a message that is ``number`` texts, all of them; without making any value.

    Raises:
        ValueError: it says anything else.
    """
    try:
        said = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise ValueError("not these texts") from error
    if not (isinstance(said, list) and len(said) == number and all(isinstance(one, str) for one in said)):
        raise ValueError("not these texts")
    return said


def _encoded(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise Unsendable(f"a value nested deeper than {DEEPEST}")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        whole = int(value)
        return whole if abs(whole) < 2**63 else {"int": hex(whole)}
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    below = depth + 1
    if isinstance(value, list):
        return [_encoded(one, below) for one in list.__iter__(value)]
    if isinstance(value, dict):
        return {"dict": [[_encoded(key, below), _encoded(one, below)] for key, one in dict.items(value)]}
    kind: Any
    for kind in (tuple, set, frozenset, deque):
        if isinstance(value, kind):
            return {kind.__name__: [_encoded(one, below) for one in kind.__iter__(value)]}
    if view := next((kind for kind in type(value).__mro__ if kind in _VIEWS), None):
        name, _ = _VIEWS[view]
        pairs = name == "items"
        return {name: _encoded(dict(value), depth)["dict"] if pairs else [_encoded(one, below) for one in value]}
    if isinstance(value, bytes | bytearray):
        return {"bytearray" if isinstance(value, bytearray) else "bytes": bytes(value).hex()}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, range):
        return {"range": [_encoded(one, below) for one in (value.start, value.stop, value.step)]}
    if isinstance(value, re.Match) and isinstance(value[0], str):
        return {"Match": _encoded(value[0], below)}
    if isinstance(value, Fraction):
        return {"Fraction": [hex(value.numerator), hex(value.denominator)]}
    if isinstance(value, Decimal):
        return {"Decimal": str(value)}
    if type(value).__module__ == "numpy":
        return _encoded(value.tolist(), below)
    if isinstance(value, Iterator):
        return {"iterator": [_encoded(one, below) for one in _all_of(value)]}
    raise Unsendable(f"a value of type {type(value).__name__}")


def _all_of(values: Iterator[Any]) -> list[Any]:
    taken = list(islice(values, LONGEST + 1))
    if len(taken) > LONGEST:
        raise Unsendable(f"an iterator over more than {LONGEST} values")
    return taken


class _Reader:
    """Rebuilds the values of one message; methods raise what :func:`loads` takes for a message that is none."""

    def __init__(self) -> None:
        self._alike = 0
        self._kinds: dict[str, Callable[[Any], Any]] = {
            "int": lambda data: int(data, 16),
            "dict": self._dict,
            "keys": lambda data: dict.fromkeys(self._members(data)).keys(),
            "values": lambda data: dict(enumerate(map(self.value, data))).values(),
            "items": lambda data: self._dict(data).items(),
            "tuple": lambda data: tuple(map(self.value, data)),
            "set": lambda data: set(self._members(data)),
            "frozenset": lambda data: frozenset(self._members(data)),
            "deque": lambda data: deque(map(self.value, data)),
            "bytes": bytes.fromhex,
            "bytearray": bytearray.fromhex,
            "complex": lambda data: complex(float(data[0]), float(data[1])),
            "range": lambda data: range(*map(self.value, data)),
            "Match": lambda data: re.fullmatch(".*", data, re.DOTALL),
            "Fraction": lambda data: Fraction(int(_digits(data[0]), 16), int(_digits(data[1]), 16)),
            "Decimal": lambda data: Decimal(_digits(data)),
            "iterator": lambda data: iter([self.value(one) for one in data]),
        }

    def value(self, data: Any) -> Any:
        """What ``data``, of JSON's types, stands for."""
        if isinstance(data, list):
            return [self.value(one) for one in data]
        if isinstance(data, dict):
            ((kind, content),) = data.items()
            return self._kinds[kind](content)
        return data

    def _members(self, data: list[Any]) -> list[Any]:
        """What is to be in a set or a dictionary. Raises ValueError for what would take for ever to be in one."""
        found = [self.value(one) for one in data]
        self._alike += sum(alike * (alike - 1) // 2 for alike in Counter(map(hash, found)).values())
        if self._alike > _MOST_ALIKE:
            raise ValueError("too many members of sets with one hash value")
        return found

    def _dict(self, data: Any) -> dict[Any, Any]:
        return dict(zip(self._members([key for key, _ in data]), [self.value(one) for _, one in data], strict=True))


def _digits(text: Any) -> str:
    if len(text) > _MOST_DIGITS:
        raise ValueError("too many digits")
    return str(text)


def same(one: Any, other: Any) -> bool:
    """Whether two values are of one type and equal, at every level.

    Whole numbers and floats are of one type here (a truth value is of another), and floats need not agree in their last
    digits, but for those in sets and as keys; a value that is no number is equal to another one.
    """
    if _is_number(one) and _is_number(other):
        if isinstance(one, int) and isinstance(other, int):
            return one == other
        try:
            near = math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=NEAR_ZERO)
        except OverflowError:
            return False
        return near or (one != one and other != other)
    if type(one) is not type(other):
        return False
    if type(one) in _VIEWS:
        _, kind = _VIEWS[type(one)]
        return same(kind(one), kind(other))
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(same, one, other))
    try:
        if isinstance(one, dict):
            return same(set(one), set(other)) and all(same(value, other[key]) for key, value in one.items())
        if isinstance(one, set | frozenset):
            members = {member: member for member in other}
            return one == other and all(same(member, members[member]) for member in one)
        return bool(one == other)
    except ArithmeticError:  # of a decimal that signals
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
