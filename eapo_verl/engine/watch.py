"""Looks after a run from a thread beside it: how busy servers are, and, where no step ends, what it waits for."""

import contextlib
import datetime
import threading
import time
from collections.abc import Callable, Iterator

from eapo_verl.record.events import Stall
from eapo_verl.record.server_load import ServerLoads
from eapo_verl.record.waits import Standing

#: The phase in which a step waits for its rollouts.
GENERATION = "generation"
#: Seconds between two looks at the clock, and between two times that servers are asked: that costs them some
#: milliseconds each.
_LOOK_S, _ASK_S = 0.25, 10.0


class Watch:
    """``with`` starts and stops it.

    Args:
        stall_s: seconds without a finished step after which it says so; again after twice as many, and so on.
        loads: the servers to ask.
        standing: says where the rollouts are; None: it is not known.
        say: told what is to be said.
    """

    def __init__(
        self,
        stall_s: float,
        loads: ServerLoads,
        standing: Callable[[], Standing | None],
        say: Callable[[Stall], None],
    ) -> None:
        self.loads = loads
        self._stall_s = stall_s
        self._standing = standing
        self._say = say
        self._step = 0
        self._finished_at = time.monotonic()
        self._patience_s = stall_s
        #: The phases that the run is in, the innermost one last, each with its beginning.
        self._phases: tuple[tuple[str, float], ...] = ()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._finished_at = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """While the run is in it."""
        outer = self._phases
        self._phases = (*outer, (name, time.monotonic()))
        try:
            yield
        finally:
            self._phases = outer

    def begun(self, step: int) -> None:
        """Hear which step is being made."""
        self._step = step

    def finished(self) -> None:
        """Hear that something is done, a step or a validation before the first one."""
        self._finished_at, self._patience_s = time.monotonic(), self._stall_s

    def _look(self) -> None:
        asked_at = -_ASK_S
        while not self._over.wait(_LOOK_S):
            now = time.monotonic()
            # Not while validation is measured: what is told is of a step's rollouts.
            if [name for name, _ in self._phases] == [GENERATION] and now - asked_at >= _ASK_S:
                asked_at = now
                self.loads.sample()
            if now - self._finished_at >= self._patience_s:
                self._patience_s *= 2
                self._say(self._stall())

    def _stall(self) -> Stall:
        servers, rollouts = self.loads.sample(), self._standing()
        now, phases = time.monotonic(), self._phases or (("preparation", self._finished_at),)
        return Stall(
            at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            step=self._step,
            phase=" / ".join(name for name, _ in phases),
            phase_s=round(now - phases[-1][1], 1),
            since_s=round(now - self._finished_at, 1),
            rollouts=rollouts,
            servers=servers,
        )
