"""Who is waited for, and since when: what a run that stalls says of itself. No I/O."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple


class Wait(NamedTuple):
    """How many wait for somebody, and for how many seconds the one that waits longest does."""

    waiting: int
    longest_s: float


class Waits:
    """What the rollouts of a process wait for at the moment; each wait costs an entry of a dictionary.

    Args:
        clock: a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._names = itertools.count()
        self._since: dict[int, tuple[str, float]] = {}

    @contextmanager
    def on(self, whom: str) -> Iterator[None]:
        """While ``whom`` is waited for."""
        name = next(self._names)
        self._since[name] = whom, self._clock()
        try:
            yield
        finally:
            del self._since[name]

    def now(self) -> dict[str, Wait]:
        """By who is waited for; nobody that nobody waits for."""
        now = self._clock()
        return merged({whom: Wait(1, now - since)} for whom, since in list(self._since.values()))


@dataclass(frozen=True)
class Standing:
    """Where rollouts are.

    Attributes:
        unfinished: of them.
        begun: those, and others of this step, since the last time that none was under way.
        waits: what those that are not finished wait for.
    """

    unfinished: int = 0
    begun: int = 0
    waits: Mapping[str, Wait] = field(default_factory=dict)


def together(standings: Iterable[Standing]) -> Standing:
    """Those of several processes."""
    each = list(standings)
    return Standing(
        sum(one.unfinished for one in each), sum(one.begun for one in each), merged(one.waits for one in each)
    )


def merged(several: Iterable[Mapping[str, Wait]]) -> dict[str, Wait]:
    """Several accounts as one."""
    made: dict[str, Wait] = {}
    for waits in several:
        for whom, wait in waits.items():
            others = made.get(whom, Wait(0, 0.0))
            made[whom] = Wait(others.waiting + wait.waiting, max(others.longest_s, wait.longest_s))
    return made
