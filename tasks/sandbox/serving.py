"""What a process in a box serves: a program, or tests.

**A program**: functions called with the values that come, until nobody calls. **Tests**: a program in which the names
of these functions stand for calls of them, elsewhere. So where a program runs, there is nothing to read: what the tests
expect has never been there, and neither has their verdict.

Runs inside, behind what :mod:`tasks.sandbox.confine` allows.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import json
import random
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from tasks.sandbox import values
from tasks.sandbox.shapes import compare_shapes
from tasks.sandbox.wire import Channel, Closed, TooLong

# What the next call of an iterator means by them is not what a program may say.
_NOT_RAISED = (StopIteration, StopAsyncIteration)
# What an exception has that the program raised, and not the tests: its description.
_RAISED = "_raised_by_the_program"
# Characters of what an exception says, and of what it is made of: tests may look at both.
_SAID, _MADE_OF = 2000, 2**16
# The module that tests are, in their box.
_TESTS = "tests"


def _module(name: str) -> dict[str, Any]:
    """The namespace of a new module, that classes and annotations find by its name."""
    sys.modules[name] = types.ModuleType(name)
    return sys.modules[name].__dict__


def _compiled(source: str, name: str) -> types.CodeType:
    # By itself, ``compile`` has it begin with the imports from __future__ that this module has.
    return compile(source, name, "exec", dont_inherit=True)


def _behind(given: str, program: str) -> str:
    """The source of a program behind what it was ``given`` to go on from."""
    if given.strip() and "__future__" in program:
        # Nothing may stand before such an import. What is no whole program, a continuation say, has none.
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            code = ast.parse(program)
            first = [one for one in code.body if isinstance(one, ast.ImportFrom) and one.module == "__future__"]
            code.body = [one for one in code.body if one not in first]
            return "\n".join([*map(ast.unparse, first), given, ast.unparse(code)])
    return f"{given}\n{program}"


def run(channel: Channel, given: str, program: str) -> None:
    """Serve the functions of the ``program``."""
    namespace = _module("program")
    # As the tests do: forked, Python has drawn another seed.
    random.seed(0)
    try:
        exec(_compiled(_behind(given, program), "<program>"), namespace)
    # Whatever a program raises, SystemExit too, is an answer.
    except BaseException as error:
        return channel.send(b"X", _said(error))
    channel.send(b"R", values.dumps(None))
    while True:
        _, content = channel.receive()
        name, arguments, named = values.loads(content)
        function = namespace.get(name)
        if not callable(function):
            channel.send(b"M", _said(NameError(f"the program has no function {name}")))
            continue
        try:
            channel.send(b"R", values.dumps(function(*arguments, **named)))
        except values.Unsendable as error:
            channel.send(b"U", _said(error))
        except Closed:
            raise
        except BaseException as error:
            channel.send(b"X", _said(error))


class _Over(BaseException):
    """There is no going on with these tests; no ``except Exception`` of theirs takes it for an answer."""


class _Raised(Exception):
    """The program raised an exception that no test can name."""


class _Left(BaseException):
    """The program raised what is no ``Exception``: to leave, say."""


def _exception(kind: str, own: object, text: str, arguments: list[Any], described: str) -> BaseException:
    """What tests can expect: one of Python's own, or the ``own`` one that is such, with its text and its arguments.

    Another one where there is none that they could expect.
    """
    found = getattr(builtins, kind, None)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        return _Left(described)
    if isinstance(own, type) and issubclass(own, found) and own.__module__ == _TESTS:
        found = own
    if issubclass(found, _NOT_RAISED):
        return _Raised(described)
    says = {"__init__": lambda *_: None, "__str__": lambda _: text}
    # It may be made of other things, which do not cross, or say its text in a way of its own. Python itself ends where
    # one of Unicode's says where it is, and is nowhere.
    for change in (says,) if issubclass(found, UnicodeError) else ({}, says):
        with contextlib.suppress(Exception):
            one = type(found.__name__, (found,), change) if change else found
            made: Exception = one(*arguments)
            if str(made)[:_SAID] == text:
                return made
    return _Raised(described)


class _Tests:
    """Calls of a program's functions on behalf of tests.

    Attributes:
        calls: that were made.
        over: why there is no going on, as the verdict has it; the tests' own word does not count then.
        given: by their names, what the program and the tests have both been given.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.given: Mapping[str, Any] = {}
        self.calls = 0
        self.over: list[str] | None = None

    def function(self, name: str) -> Callable[..., Any]:
        """What stands for a function of the program."""

        def call(*arguments: Any, **named: Any) -> Any:
            return self._call(name, arguments, named)

        call.__name__ = call.__qualname__ = name
        return call

    def _call(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if self.over:
            raise _Over
        self.calls += 1
        try:
            message = values.dumps([name, list(arguments), named])
        except values.Unsendable as error:
            self._end("broken", f"the tests hand over {error}")
        self._channel.send(b"C", message)
        letter, content = self._channel.receive()
        try:
            if letter == b"R":
                return values.loads(content)
            said = values.texts(content, 4)
            kind, own, text = (one[:_SAID] for one in said[:3])
            made_of = values.loads(said[3].encode())
            described = f"{own}: {text}"
        except ValueError:
            self._end("unsendable", "what the program sent is no value")
        if letter == b"U":
            self._end("unsendable", text)
        if letter == b"M":
            self._end("missing", text)
        if kind == "MemoryError":
            self._end("out_of_memory", "the program needs more memory than it may have")
        if not isinstance(made_of, list):
            self._end("unsendable", "what the program sent is no exception")
        raised = _exception(kind, self.given.get(own), text, made_of, described)
        raised.__dict__[_RAISED] = described
        raise raised

    def _end(self, outcome: str, text: str) -> NoReturn:
        self.over = [outcome, text]
        raise _Over


def judge(channel: Channel, given: str, functions: list[str], tests: str) -> None:
    """Run the ``tests`` of a program behind what it was ``given`` to go on from, and send their verdict."""
    namespace = _module(_TESTS)
    called = _Tests(channel)
    namespace["same"] = values.same
    if "numpy" in f"{given}{tests}":
        compare_shapes()
    outcome, text = "passed", ""
    try:
        exec(_compiled(given, "<given>"), namespace)
        called.given = dict(namespace)
        namespace.update({name: called.function(name) for name in functions})
        # Some tests draw their inputs: the same ones each time.
        random.seed(0)
        exec(_compiled(tests, "<tests>"), namespace)
    except (Closed, TooLong):
        raise
    except BaseException as error:
        if raised := getattr(error, _RAISED, None):
            outcome, text = "raised", raised
        elif isinstance(error, AssertionError):
            outcome, text = "failed", _text(error) or _line(error)
        else:
            outcome, text = "failed", f"{type(error).__name__}: {_text(error)}"
    if called.over:
        outcome, text = called.over
    elif not called.calls:
        outcome, text = "broken", text or "the tests call none of the program's functions"
    channel.send(b"V", values.dumps([outcome, text]))


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_SAID]
    # The text of an exception is the program's own code.
    except BaseException:
        return ""


def _line(error: BaseException) -> str:
    """Which line of the tests has raised ``error``."""
    lines = [
        number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == "<tests>"
    ]
    return f"line {lines[-1]} of the tests" if lines else ""


def _said(error: BaseException) -> bytes:
    types_of = type.mro(type(error))
    known = next(one.__name__ for one in types_of if getattr(builtins, one.__name__, None) is one)
    text = _text(error)
    return values.dumps([known, types_of[0].__name__, text, _made_of(error) or json.dumps([text])])


def _made_of(error: BaseException) -> str | None:
    """The arguments of ``error`` as a message, None where they do not cross."""
    # What they are may be the program's own code.
    with contextlib.suppress(BaseException):
        message = values.dumps(list(BaseException.args.__get__(error))).decode()  # type: ignore[attr-defined]
        return message if len(message) <= _MADE_OF else None
    return None
