"""A program judged by tests: two boxes, and the parent between them, which alone knows what both say.

The tests run in a box of their own, since nobody vouches for a benchmark's code either, and since some never end. There
the functions' names stand for calls, which the parent hands to the program's box and whose values it hands back.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

from tasks.sandbox import values
from tasks.sandbox.box import Box, BoxDied, Ended, SandboxError, await_confined
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
_SAID = 200
# By how much a processor's time may differ from what the kernel, which counts in ticks, ended nothing for.
_TICKS_S = 0.1


class Suite(NamedTuple):
    """How a program is judged.

    Attributes:
        given: code that stands before program and tests: what the program goes on from, and the tests may use.
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


class Pair:
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
        # What is wrong with a box at its end takes no verdict away.
        try:
            judged = self._judges.end()
            self.of_program = True
            ran = self._programs.end()
        except BoxDied:
            if found is None:
                raise
            return found
        self.sound = True
        if found is not None and found.outcome == "passed" and ran.cpu_s > tests.cpu_s + _TICKS_S:
            # It did not hear that its time was over.
            found = None
        return found or (_of_tests(judged) if of_tests else _of_program(ran, tests.cpu_s))

    def value(self, program: str, name: str, arguments: Sequence[Any], cpu_s: int) -> Any:
        """What the function returns. Raises NoValue, BoxDied."""
        try:
            messages = values.dumps(["", program]), values.dumps([name, list(arguments), {}])
        except values.Unsendable as error:
            raise NoValue("unsendable", str(error)) from error
        self.sound, self.of_program = False, False
        channel = self._programs.begin(Limits(cpu_s, MEMORY), time.monotonic() + PATIENCE * cpu_s)
        letter, content = b"", b""
        with contextlib.suppress(Closed, TooLong, TimeoutError):
            await_confined(channel)
            self.of_program = True
            channel.send(b"P", messages[0])
            letter, content = channel.receive()
            if letter == b"R":
                letter, content = b"", b""
                channel.send(b"C", messages[1])
                letter, content = channel.receive()
        ran = self._programs.end()
        self.sound = True
        try:
            if letter == b"R" and ran.cpu_s <= cpu_s + _TICKS_S:
                return values.loads(content)
            _, kind, text, _ = values.texts(content, 4)
        except ValueError as error:
            raise NoValue(*_of_program(ran, cpu_s)) from error
        raise NoValue("raised", _in_a_line(f"{kind}: {text}"))


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
        running.send(b"P", values.dumps([tests.given, program]))
        letter, content = running.receive()
        if letter != b"R":
            _, kind, text, _ = values.texts(content, 4)
            return Verdict("invalid", _in_a_line(f"{kind}: {text}"))
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
        outcome, said = values.texts(verdict, 2)
        if outcome in OUTCOMES:
            return Verdict(outcome, _in_a_line(said))
    return Verdict("broken", "the tests tell nothing that is an outcome")


def _in_a_line(text: str) -> str:
    """What anybody's code says, for people."""
    shown = " ".join(text[: 2 * _SAID].split())
    return "".join(one if one.isprintable() else "?" for one in shown)[:_SAID]
