"""What methods and rows are called where people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from analysis.intake.arms import Described
from analysis.intake.cells import ALL, MACRO

_DESCRIBED: ContextVar[Mapping[str, Described]] = ContextVar("described")
_ROWS = {
    MACRO: "mean over benchmarks",
    ALL: "all questions",
    "aime_2024": "AIME 2024",
    "aime_2025": "AIME 2025",
    "aimo_2025": "AIMO 2025",
}


@contextmanager
def described(arms: Mapping[str, Described]) -> Iterator[None]:
    """Within it, methods are called and drawn as ``arms`` says; one that it says nothing of, by its own name."""
    token = _DESCRIBED.set(arms)
    try:
        yield
    finally:
        _DESCRIBED.reset(token)


def said_of(method: str) -> Described:
    """What is said of a method; nothing, outside :func:`described`."""
    return _DESCRIBED.get({}).get(method, Described())


def name(method: str) -> str:
    """The method's name in figures and tables."""
    return said_of(method).title or method.replace("_", " ")


def inline_name(method: str) -> str:
    """The method's name within a sentence."""
    return said_of(method).inline or name(method)


def row_name(benchmark: str) -> str:
    """A benchmark, or the row of several, in words."""
    return _ROWS.get(benchmark, benchmark.replace("_", " "))
