"""Who judges programs: as many at a time as there are processors, in boxes that are kept from one to the next."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from tasks.sandbox.box import BoxDied, SandboxError, require
from tasks.sandbox.confine import Limits
from tasks.sandbox.pair import MEMORY, NoValue, Pair, Suite, Verdict

# Boxes that may die of one program: whether that or the host is to blame, nobody can tell at once.
_ATTEMPTS = 3
_BOX_DIED = "its box died of it"
T = TypeVar("T")


class Judge:
    """Judges programs, ``places`` at a time, one a processor; who asks for more waits.

    Boxes are kept from one program to the next, and started when first needed. They belong to the process that started
    them: another one that is forked from it starts its own.
    """

    _lock: threading.Lock
    _places: threading.BoundedSemaphore
    _idle: list[Pair]
    _pairs: set[Pair]
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

    def _tried_again(self, work: Callable[[Pair], T]) -> T | None:
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
    def _pair(self) -> Iterator[Pair]:
        with self._places:
            with self._lock:
                pair = self._idle.pop() if self._idle else None
            if pair is None:
                pair = Pair()
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
