"""What runs in a box. ``python -m tasks.sandbox.inside``, as process 1, with the control socket as standard input.

That process runs nothing of anybody's: it forks one that does, on the parent's word, and ends it on the next. As
process 1 of its namespace it cannot be killed or stopped from inside, nothing may look into it, and what it has forked
is all that there is beside it; when it ends, everything in the box does, and it ends with its parent, whose end of the
socket closes. What one program leaves behind the next does not find: its process is gone, and what it wrote is removed.

What is forked serves one of two. **A program**: functions called with the values that come, until nobody calls.
**Tests**: a program in which the names of these functions stand for calls of them, elsewhere. So where a program runs,
there is nothing to read: what the tests expect has never been there, and neither has their verdict.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any, NoReturn

from tasks.sandbox import values
from tasks.sandbox.confine import Limits, confine, seal
from tasks.sandbox.wire import Channel, Closed, TooLong

#: The private folder, which is the working folder.
PRIVATE = "/tmp"
# What the next call of an iterator means by them is not what a program may say.
_NOT_RAISED = (StopIteration, StopAsyncIteration)
# What an exception has that the program raised, and not the tests: its description.
_RAISED = "_raised_by_the_program"
# Characters of what is said of an exception.
_SAID = 200
# Seconds between two looks at how many files there are.
_LOOK_S = 0.05


def main() -> NoReturn:
    """Fork, end and clean up, as the parent says, until it is gone."""
    if os.getpid() != 1 or not os.path.ismount(PRIVATE) or os.listdir(PRIVATE):
        # This is no box: what it ends and removes would be the host's.
        os._exit(1)
    seal()
    # From inside, this signal would reach even process 1: Python has a handler for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=0)
    _silence(1, 2)
    control.send(b"ready")
    child, too_many, most = 0, False, 0
    while True:
        control.settimeout(_LOOK_S if child and not too_many else None)
        try:
            order, descriptors, *_ = socket.recv_fds(control, 2**12, 1)
        except TimeoutError:
            room = os.statvfs(PRIVATE)
            if too_many := room.f_files - room.f_ffree > most:
                _kill()
            continue
        if not order:
            os._exit(0)
        if descriptors:
            limits = Limits(**json.loads(order)["limits"])
            child, most = os.fork(), limits.entries
            if child == 0:
                _serve(descriptors[0], limits)
            os.close(descriptors[0])
        else:
            control.send(json.dumps(_end(child) | {"too_many_files": too_many}).encode())
            child, too_many = 0, False


def _kill() -> None:
    """All that runs here but this process."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


def _end(child: int) -> dict[str, Any]:
    """End all that runs here but this process, and remove what it wrote; how ``child`` ended."""
    ended: dict[str, Any] = {}
    _kill()
    while True:
        try:
            process, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        if process == child:
            signalled = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            ended = {"signal": signalled, "cpu_s": usage.ru_utime + usage.ru_stime}
    # What cannot be removed ends this process, and so the box: the next program gets another one.
    for entry in os.scandir(PRIVATE):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
    return ended


def _serve(descriptor: int, limits: Limits) -> NoReturn:
    """Become the process that serves one program or one run of tests; only the socket that it was given stays open."""
    try:
        _silence(0, 1, 2)
        os.dup2(descriptor, 3)
        os.closerange(4, 2**16)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        os.chdir(PRIVATE)
        channel = Channel(socket.socket(fileno=3))
        confine(limits)
        channel.send(b"B")
        letter, content = channel.receive()
        if letter == b"T":
            _judge(channel, *values.loads(content))
        else:
            _run(channel, values.loads(content))
    except (Closed, TooLong):
        pass
    finally:
        os._exit(0)


def _silence(*descriptors: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(null, descriptor)
    os.close(null)


def _module(name: str) -> dict[str, Any]:
    """The namespace of a new module, that classes and annotations find by its name."""
    sys.modules[name] = types.ModuleType(name)
    return sys.modules[name].__dict__


def _compiled(source: str, name: str) -> types.CodeType:
    # By itself, ``compile`` has it begin with the imports from __future__ that this module has.
    return compile(source, name, "exec", dont_inherit=True)


def _run(channel: Channel, source: str) -> None:
    """Serve the functions of the program ``source``."""
    namespace = _module("program")
    try:
        exec(_compiled(source, "<program>"), namespace)
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
    """The program raised what is no exception of Python's own."""


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
            kind, text = values.two_texts(content)
            described = f"{kind}: {text}"
        except ValueError:
            self._end("unsendable", "what the program sent is no value")
        if letter == b"U":
            self._end("unsendable", text)
        if letter == b"M":
            self._end("missing", text)
        if kind == "MemoryError":
            self._end("out_of_memory", "the program needs more memory than it may have")
        found = getattr(builtins, kind, None)
        if isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, _NOT_RAISED):
            try:
                raised = found(text)
            except TypeError:
                raised = _Raised(described)
        else:
            raised = _Raised(described)
        raised.__dict__[_RAISED] = described
        raise raised

    def _end(self, outcome: str, text: str) -> NoReturn:
        self.over = [outcome, text]
        raise _Over


def _judge(channel: Channel, given: str, functions: list[str], tests: str) -> None:
    """Run the ``tests`` of a program behind what it was ``given`` to go on from, and send their verdict."""
    called = _Tests(channel)
    namespace = _module("tests")
    namespace["same"] = values.same
    outcome, text = "passed", ""
    try:
        exec(_compiled(given, "<given>"), namespace)
        namespace.update({name: called.function(name) for name in functions})
        # Some tests draw their inputs: the same ones each time.
        random.seed(0)
        exec(_compiled(tests, "<tests>"), namespace)
    except (Closed, TooLong):
        raise
    except AssertionError as error:
        outcome, text = "failed", _text(error) or _line(error)
    except BaseException as error:
        raised = getattr(error, _RAISED, None)
        outcome, text = ("raised", raised) if raised else ("failed", f"{type(error).__name__}: {_text(error)}")
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
    return values.dumps([type(error).__name__, _text(error)])


if __name__ == "__main__":
    main()
