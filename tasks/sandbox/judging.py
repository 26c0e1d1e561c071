"""A program judged by tests: two boxes, and the parent between them, which alone knows what both say.

The tests run in a box of their own, since nobody vouches for a benchmark's code either, and since some never end. There
the functions' names stand for calls, which the parent hands to the program's box and whose values it hands back.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeVar, get_args

from tasks.sandbox import values
from tasks.sandbox.box import Box, BoxDied, Ended, SandboxError, await_confined, require
from tasks.sandbox.confine import Limits
from tasks.sandbox.wire import Channel, Closed, TooLong

#: What becomes of a program. ``passed``; ``failed``: a test does not hold; ``raised``: it raised what no test expects;
#: ``invalid``: it is no Python, or raises before any function is called; ``missing``: it has no such function;
#: ``timed_out``; ``out_of_memory``; ``unsendable``: it returned what is no plain data, or more than may be; ``ended``:
#: it left without an answer; ``broken``: the tests tell nothing of it, they call nothing or hand over no plain data.
Outcome = Literal[
    "passed", "failed", "raised", "invalid", "missing", "timed_out", "out_of_memory", "unsendable", "ended", "broken"
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

#: Bytes that a program may take; HumanEval's own runner knows no limit, evalplus' is 4 GiB.
MEMORY = 2**29
# What tests may take: their values may be many times what one program needs of them.
_TESTS_MEMORY, _TESTS_CPU_S = 2**31, 30
#: Of a program's seconds of a processor, by the clock: a machine that trains is busy. What sleeps waits until then.
PATIENCE = 10
# Boxes that may die of one program: whether that or the host is to blame, nobody can tell at once.
_ATTEMPTS = 3
_SAID = 200
_BOX_DIED = "its box died of it"
T = TypeVar("T")


class Suite(NamedTuple):
    """How a program is judged.

    Attributes:
        given: code that stands before the tests, which may call its functions: what the program goes on from.
        functions: whose names stand for the program's in the tests.
        tests: code that ends without an exception where the program is right.
        cpu_s: seconds of a processor that the program may take, whole ones; it may take ``PATIENCE`` times as long.
    """

    given: str
    functions: tuple[str, ...]
    tests: str
    cpu_s: int


class Verdict(NamedTuple):
    """What became of a program, and in at most 200 characters what there is to say of it."""

    outcome: Outcome
    said: str = ""


class NoValue(Exception):
    """A program has returned no value; ``args`` are the outcome and what there is to say of it, as a verdict's."""


class Judge:
    """Judges programs, ``places`` at a time, one a processor; who asks for more waits.

    Boxes are kept from one program to the next, and started when first needed. They belong to the process that started
    them: another one that is forked from it starts its own.
    """

    _lock: threading.Lock
    _places: threading.BoundedSemaphore
    _idle: list[_Pair]
    _pairs: set[_Pair]
    _tried: bool

    def __init__(self) -> None:
        self.places = processors()
        self._begin_anew()
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.close)

    def require(self) -> None:
        """Raises SandboxError where no program can be run as it has to be; costs a start of a box, once."""
        with self._lock:
            if not self._tried:
                require(Limits(1, MEMORY))
                self._tried = True

    def verdict(self, program: str, tests: Suite) -> Verdict:
        """What becomes of ``program``, Python code, whatever it does. May take a while; any thread may ask.

        Raises:
            SandboxError: it can be run by nobody here, or boxes die for no reason of the program's.
        """
        return self._tried_again(lambda pair: pair.verdict(program, tests)) or Verdict("ended", _BOX_DIED)

    def value(self, program: str, name: str, arguments: Sequence[Any], cpu_s: int) -> Any:
        """What the function ``name`` of ``program`` returns, as plain data.

        Raises:
            NoValue: nothing that could cross.
            SandboxError: as :meth:`verdict`.
        """
        found = self._tried_again(lambda pair: [pair.value(program, name, arguments, cpu_s)])
        if found is None:
            raise NoValue("ended", _BOX_DIED)
        return found[0]

    def _tried_again(self, work: Callable[[_Pair], T]) -> T | None:
        """What ``work`` makes of a pair of boxes that outlives it; None where the program is to blame for each."""
        self.require()
        of_program = False
        for _ in range(_ATTEMPTS):
            with self._pair() as pair:
                try:
                    return work(pair)
                except BoxDied:
                    of_program = pair.of_program
        if not of_program:
            raise SandboxError(f"sandbox: {_ATTEMPTS} boxes have died, one after the other, and of no program")
        return None

    def close(self) -> None:
        """End all boxes that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for pair in idle:
            pair.close()

    @contextlib.contextmanager
    def _pair(self) -> Iterator[_Pair]:
        with self._places:
            with self._lock:
                pair = self._idle.pop() if self._idle else None
            if pair is None:
                pair = _Pair()
            self._pairs.add(pair)
            try:
                yield pair
            finally:
                if pair.sound:
                    with self._lock:
                        self._idle.append(pair)
                else:
                    self._pairs.discard(pair)
                    pair.close()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(self.places)
        self._idle = []
        self._pairs = set()
        self._tried = False

    def _forget(self) -> None:
        for pair in self._pairs:
            pair.forget()
        self._begin_anew()


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Pair:
    """A box for programs and one for tests.

    Attributes:
        sound: whether both can be used again.
        of_program: whether the program may be to blame, where one died.
    """

    def __init__(self) -> None:
        self._boxes: list[Box] = []
        try:
            self._programs = self._started()
            self._judges = self._started()
        except SandboxError:
            self.close()
            raise
        self.sound = True
        self.of_program = False

    def _started(self) -> Box:
        self._boxes.append(Box())
        return self._boxes[-1]

    def close(self) -> None:
        for box in self._boxes:
            box.close()

    def forget(self) -> None:
        for box in self._boxes:
            box.forget()

    def verdict(self, program: str, tests: Suite) -> Verdict:
        """What becomes of the program. Raises BoxDied."""
        self.sound, self.of_program = False, False
        deadline = time.monotonic() + PATIENCE * tests.cpu_s
        running = self._programs.begin(Limits(tests.cpu_s, MEMORY), deadline)
        judging = self._judges.begin(Limits(_TESTS_CPU_S, _TESTS_MEMORY), deadline)
        found, of_tests = None, False
        try:
            await_confined(running)
            await_confined(judging)
            found = _conversation(running, judging, program, tests)
        except TimeoutError:
            found = Verdict("timed_out", f"it, or its tests, take longer than {PATIENCE * tests.cpu_s} s")
        except Closed as closed:
            of_tests = closed.channel is judging
        # First the tests' box: whatever is wrong with the program's, the verdict is there.
        judged = self._judges.end()
        self.of_program = True
        try:
            ran = self._programs.end()
        except BoxDied:
            if found is None:
                raise
            return found
        self.sound = True
        return found or (_of_tests(judged) if of_tests else _of_program(ran, tests.cpu_s))

    def value(self, program: str, name: str, arguments: Sequence[Any], cpu_s: int) -> Any:
        """What the function returns. Raises NoValue, BoxDied."""
        self.sound, self.of_program = False, False
        channel = self._programs.begin(Limits(cpu_s, MEMORY), time.monotonic() + PATIENCE * cpu_s)
        letter, content = b"", b""
        with contextlib.suppress(Closed, TooLong, TimeoutError):
            await_confined(channel)
            self.of_program = True
            channel.send(b"P", values.dumps(program))
            letter, content = channel.receive()
            if letter == b"R":
                channel.send(b"C", values.dumps([name, list(arguments), {}]))
                letter, content = channel.receive()
        ran = self._programs.end()
        self.sound = True
        try:
            if letter == b"R":
                return values.loads(content)
            kind, text = values.two_texts(content)
        except ValueError as error:
            raise NoValue(*_of_program(ran, cpu_s)) from error
        raise NoValue("raised", f"{kind}: {text}"[:_SAID])


def _of_program(ran: Ended, cpu_s: int) -> Verdict:
    """What has become of a program that has left without a word."""
    # The kernel counts by its ticks, and may end a process a little before.
    if ran.cpu_s >= cpu_s or ran.signal == signal.SIGXCPU:
        return Verdict("timed_out", f"it takes longer than {cpu_s} s of a processor")
    if ran.too_many_files:
        return Verdict("ended", "it makes too many files")
    return Verdict("ended", "without an answer" if ran.signal is None else f"by signal {ran.signal}")


def _of_tests(judged: Ended) -> Verdict:
    """The same of tests."""
    if judged.cpu_s >= _TESTS_CPU_S or judged.signal == signal.SIGXCPU:
        return Verdict("timed_out", f"its tests take longer than {_TESTS_CPU_S} s of a processor")
    return Verdict("broken", "the tests end without a verdict")


def _conversation(running: Channel, judging: Channel, program: str, tests: Suite) -> Verdict:
    """The verdict. Raises Closed where one side has ended without a word, TimeoutError."""
    try:
        running.send(b"P", values.dumps(program))
        letter, content = running.receive()
        if letter != b"R":
            kind, text = values.two_texts(content)
            return Verdict("invalid", f"{kind}: {text}"[:_SAID])
        judging.send(b"T", values.dumps([tests.given, list(tests.functions), tests.tests]))
        while True:
            letter, content = judging.receive()
            if letter == b"V":
                return _told(content)
            running.send(letter, content)
            judging.send(*running.receive())
    except (TooLong, ValueError):
        return Verdict("unsendable", "what the program sent is no value")
    except values.Unsendable as error:
        return Verdict("unsendable", str(error))


def _told(verdict: bytes) -> Verdict:
    """What tests have told, who are anybody's code."""
    with contextlib.suppress(ValueError):
        outcome, said = values.two_texts(verdict)
        if outcome in OUTCOMES:
            return Verdict(outcome, said[:_SAID])
    return Verdict("broken", "the tests tell nothing that is an outcome")
