"""When to leave an endpoint alone, and when to give up the run: two counters without I/O."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

from eapo_verl.settings.run import RunStopped


class CircuitBreaker:
    """Keeps an endpoint out after ``threshold`` failures in a row, for ``cooldown_s``; then one request may probe it.

    A probe that succeeds closes the circuit; one that fails, or never reports, keeps it open for another cooldown.

    Args:
        threshold: failures in a row, at least 1.
        cooldown_s: seconds.
        clock: a monotonic clock in seconds.
    """

    def __init__(self, threshold: int, cooldown_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._threshold = threshold
        self._cooldown_s = cooldown_s
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None

    @property
    def state(self) -> Literal["closed", "open", "half_open"]:
        """half_open: the cooldown is over, the next request is the probe."""
        if self._opened_at is None:
            return "closed"
        return "open" if self._clock() - self._opened_at < self._cooldown_s else "half_open"

    def allow(self) -> bool:
        """Whether a request may be sent now; where it is the probe, the cooldown begins anew for all others."""
        state = self.state
        if state == "half_open":
            self._opened_at = self._clock()
        return state != "open"

    def record(self, success: bool) -> None:
        """What became of a request that was sent."""
        if success:
            self._failures = 0
            self._opened_at = None
            return
        self._failures += 1
        if self._failures >= self._threshold:
            self._opened_at = self._clock()


class FailureWindow:
    """The share of failures among the last replies, fed with counts (of a training step, say).

    It looks at the newest counts that together hold ``size`` replies or more; until there are as many, at none.

    Args:
        size: replies.
        limit: the share of failures that is still borne, in [0, 1].

    Raises:
        ValueError: an argument, or a count, is out of range.
    """

    def __init__(self, size: int, limit: float) -> None:
        if size < 1 or not 0.0 <= limit <= 1.0:
            raise ValueError(f"a failure window has size >= 1 and a limit in [0, 1], got {size} and {limit}")
        self.size = size
        self.limit = limit
        self._counts: deque[tuple[int, int]] = deque()
        self._asked = 0
        self._failed = 0

    def add(self, asked: int, failed: int) -> None:
        """Count ``asked`` further replies, of which ``failed`` failed."""
        if not 0 <= failed <= asked:
            raise ValueError(f"of {asked} replies, {failed} cannot have failed")
        self._counts.append((asked, failed))
        self._asked += asked
        self._failed += failed
        while self._asked - self._counts[0][0] >= self.size:
            oldest_asked, oldest_failed = self._counts.popleft()
            self._asked -= oldest_asked
            self._failed -= oldest_failed

    @property
    def rate(self) -> float:
        """The share of failures in the window; 0 while it is empty."""
        return self._failed / self._asked if self._asked else 0.0

    @property
    def exceeded(self) -> bool:
        """Whether the window is full and its share of failures above the limit."""
        return self._asked >= self.size and self.rate > self.limit


class ExpertsUnavailable(RunStopped):
    """Too many replies failed for the run to go on; the message is :func:`unavailable_message`'s."""


def unavailable_message(window: FailureWindow, outcomes: Mapping[str, int], kept: str = "The last checkpoint") -> str:
    """One line that says why the run stops and what to do.

    Args:
        window: the one that is exceeded.
        outcomes: replies by outcome, in the last step, say.
        kept: what is not lost.
    """
    counts = ", ".join(f"{name} {count}" for name, count in outcomes.items())
    return (
        f"experts unavailable: {window.rate:.0%} of the last replies failed or timed out, over a window of "
        f"{window.size} replies; the limit is {window.limit:.0%} (newest outcomes: {counts}). {kept} is kept: "
        "bring the experts back and run the same command to go on, or raise failure_limit"
    )
