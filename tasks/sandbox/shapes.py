"""Numpy's comparisons in tests, as somebody means them who compares a program's value with the right one.

By themselves they stretch one side to the other's shape, so that an empty array is close, or equal, to every number.

Runs inside; who grades needs no numpy: a box has it where it is installed, and only where it has can tests ask for it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import inspect
from collections.abc import Callable
from typing import Any

# Of numpy.testing. They say that they compare a number with each of an array; they do with each of none, too.
_STRETCHING = ("assert_equal", "assert_array_equal", "assert_almost_equal", "assert_array_almost_equal")


def compare_shapes() -> None:
    """Have ``allclose`` and ``assert_allclose`` want one shape, and no other assert take an empty array for others.

    Called before the tests import anything.
    """
    if importlib.util.find_spec("numpy") is None:
        return
    numpy: Any = importlib.import_module("numpy")
    close = numpy.allclose

    def allclose(a: Any, b: Any, *more: Any, **named: Any) -> bool:
        return numpy.shape(a) == numpy.shape(b) and close(a, b, *more, **named)

    def guarded(name: str, allowed: Callable[[Any, Any], bool]) -> None:
        compare = getattr(numpy.testing, name)

        # They call the two otherwise, and each in its own way.
        @functools.wraps(compare)
        def comparing(*both: Any, **named: Any) -> None:
            one, other, *_ = inspect.signature(compare).bind(*both, **named).args
            assert allowed(one, other), "another shape"
            compare(*both, **named)

        setattr(numpy.testing, name, comparing)

    def is_empty(one: Any) -> bool:
        # What is no array, lists of several lengths say, is compared otherwise.
        with contextlib.suppress(ValueError):
            return isinstance(one, list | tuple | numpy.ndarray) and numpy.size(one) == 0
        return False

    numpy.allclose = allclose
    guarded("assert_allclose", lambda one, other: numpy.shape(one) == numpy.shape(other))
    for name in _STRETCHING:
        guarded(name, lambda one, other: is_empty(one) == is_empty(other))
