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
import importlib.util
import random
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any, NoReturn

from tasks.sandbox import values
from tasks.sandbox.wire import Channel, Closed, TooLong

# What the next call of an iterator means by them is not what a program may say.
_NOT_RAISED = (StopIteration, StopAsyncIteration)
# What an exception has that the program raised, and not the tests: its description.
_RAISED = "_raised_by_the_program"
# Characters of what an exception says: tests may look at it.
_SAID = 2000


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


def _exception(kind: str, text: str, described: str) -> BaseException:
    """One of Python's own, by its name, that says ``text``; another one where there is none that tests could expect."""
    found = getattr(builtins, kind, None)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        return _Left(described)
    if issubclass(found, _NOT_RAISED):
        return _Raised(described)
    if found is KeyError:
        # It says how its key is written.
        with contextlib.suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return KeyError(ast.literal_eval(text))
    # Some are made of more than a text.
    like = type(kind, (found,), {"__init__": lambda self, text: None, "__str__": lambda self: self.args[0]})
    for one in (found, like):
        with contextlib.suppress(TypeError):
            made: Exception = one(text)
            if str(made) == text:
                return made
    return _Raised(described)


class _Tests:
    """Calls of a program's functions on behalf of tests.

    Attributes:
        calls: that were made.
        over: why there is no going on, as the verdict has it; the tests' own word does not count then.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
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
            kind, own, text = (text[:_SAID] for text in values.texts(content, 3))
            described = f"{own}: {text}"
        except ValueError:
            self._end("unsendable", "what the program sent is no value")
        if letter == b"U":
            self._end("unsendable", text)
        if letter == b"M":
            self._end("missing", text)
        if kind == "MemoryError":
            self._end("out_of_memory", "the program needs more memory than it may have")
        raised = _exception(kind, text, described)
        raised.__dict__[_RAISED] = described
        raise raised

    def _end(self, outcome: str, text: str) -> NoReturn:
        self.over = [outcome, text]
        raise _Over


def judge(channel: Channel, given: str, functions: list[str], tests: str) -> None:
    """Run the ``tests`` of a program behind what it was ``given`` to go on from, and send their verdict."""
    called = _Tests(channel)
    namespace = _module("tests")
    namespace["same"] = values.same
    if "allclose" in f"{given}{tests}":
        _compare_shapes()
    outcome, text = "passed", ""
    try:
        exec(_compiled(given, "<given>"), namespace)
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


def _compare_shapes() -> None:
    """Have numpy's ``allclose`` and ``assert_allclose`` want one shape of both.

    By themselves they stretch one, so that an empty list is close to every number. Who grades needs no numpy: a box has
    it where it is installed, and only where it has can tests ask for it.
    """
    if importlib.util.find_spec("numpy") is None:
        return
    numpy: Any = importlib.import_module("numpy")
    close, assert_close = numpy.allclose, numpy.testing.assert_allclose

    def allclose(a: Any, b: Any, *more: Any, **named: Any) -> bool:
        return numpy.shape(a) == numpy.shape(b) and close(a, b, *more, **named)

    def assert_allclose(actual: Any, desired: Any, *more: Any, **named: Any) -> None:
        assert numpy.shape(actual) == numpy.shape(desired), "another shape"
        assert_close(actual, desired, *more, **named)

    numpy.allclose, numpy.testing.assert_allclose = allclose, assert_allclose


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
    return values.dumps([known, types_of[0].__name__, _text(error)])
