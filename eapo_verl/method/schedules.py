"""What changes over training: the probability that a reply is accepted, the turns of a rollout, the weights of rewards.

Steps are verl's global training steps and start at 1. Everything here is a pure function of the step, so a run that
resumes continues where it was.
"""

import hashlib
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, SupportsIndex, get_args

AcceptanceKind = Literal["reciprocal", "scaled_reciprocal", "linear", "exponential", "cosine", "constant"]


def _integer(value: SupportsIndex, minimum: int, what: str) -> int:
    """``value`` as an int; any integer type is one (numpy's too), a bool and a float are not."""
    try:
        number = operator.index(value)
    except TypeError:
        number = minimum - 1
    if isinstance(value, bool) or number < minimum:
        raise ValueError(f"{what} is an integer of at least {minimum}, got {value!r}")
    return number


def _step(value: SupportsIndex) -> int:
    return _integer(value, 1, "a training step")


@dataclass(frozen=True)
class AcceptanceSchedule:
    """Probability rho_s that a returned reply is shown to the policy at training step s.

    The paper states ``reciprocal``, rho_s = 1/s. The other kinds are ours, for the ablation of what s counts:
    ``scaled_reciprocal`` s0/(s0+s); ``linear``, ``exponential`` and ``cosine`` go from ``start`` at step 1 to ``end``
    at ``total_steps`` and stay there (in a run of one step: at ``start``); ``constant`` is ``start``.

    Args:
        kind: the form of the schedule.
        s0: steps after which ``scaled_reciprocal`` has fallen to one half; positive and finite.
        start: probability at step 1, in [0, 1]; positive for ``exponential``.
        end: probability at ``total_steps``, in [0, 1]; positive for ``exponential``. None is 0, and 0.01 for
            ``exponential``, which cannot reach 0.
        total_steps: length of the run in steps.

    Raises:
        ValueError: an argument is outside its range.
    """

    kind: AcceptanceKind = "reciprocal"
    s0: float = 20.0
    start: float = 1.0
    end: float | None = None
    total_steps: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(AcceptanceKind):
            raise ValueError(f"a schedule's kind is one of {', '.join(get_args(AcceptanceKind))}, got {self.kind!r}")
        if not 0.0 < self.s0 < math.inf:
            raise ValueError(f"s0 is positive and finite, got {self.s0}")
        for name, value in (("start", self.start), ("end", self._end)):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} lies in [0, 1], got {value}")
        if self.kind == "exponential" and min(self.start, self._end) <= 0.0:
            raise ValueError("an exponential schedule needs a start and an end above 0")
        _step(self.total_steps)

    @property
    def _end(self) -> float:
        if self.end is not None:
            return self.end
        return 0.01 if self.kind == "exponential" else 0.0

    def __call__(self, step: SupportsIndex) -> float:
        """Return rho_s in [0, 1] for training step ``step`` (>= 1; anything else is a ValueError)."""
        s = _step(step)
        # Progress through the run in [0, 1]; a run of one step is at its start.
        progress = min(1.0, (s - 1) / max(1, self.total_steps - 1))
        start, end = self.start, self._end
        forms: dict[str, Callable[[], float]] = {
            "reciprocal": lambda: 1 / s,
            "scaled_reciprocal": lambda: self.s0 / (self.s0 + s),
            "linear": lambda: start + (end - start) * progress,
            "exponential": lambda: start * (end / start) ** progress,
            "cosine": lambda: end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * progress)),
            "constant": lambda: start,
        }
        return min(1.0, max(0.0, forms[self.kind]()))


@dataclass(frozen=True)
class Weight:
    """A weight lambda_s = peak x schedule(s), of a part of the reward or of a loss; the rest is the schedule's.

    Args:
        peak: the weight where the schedule is 1; at least 0 and finite.
        kind, s0, start, end, total_steps: see :class:`AcceptanceSchedule`; a weight that grows has ``start`` < ``end``.

    Raises:
        ValueError: an argument is outside its range.
    """

    peak: float
    kind: AcceptanceKind = "constant"
    s0: float = 20.0
    start: float = 1.0
    end: float | None = None
    total_steps: int = 1

    def __post_init__(self) -> None:
        if not 0.0 <= self.peak < math.inf:
            raise ValueError(f"a weight's peak is at least 0 and finite, got {self.peak}")
        self._schedule()

    def _schedule(self) -> AcceptanceSchedule:
        return AcceptanceSchedule(self.kind, self.s0, self.start, self.end, self.total_steps)

    def __call__(self, step: SupportsIndex) -> float:
        """Return lambda_s in [0, peak] for training step ``step`` (>= 1; anything else is a ValueError)."""
        return self.peak * self._schedule()(step)


@dataclass(frozen=True)
class TurnBudget:
    """Consultation turns of a rollout: from ``train`` at step 1 to ``evaluation`` at ``total_steps``, never rising.

    A reading note gives T = 10 in training, "contracted toward the evaluation budget"; its form is not stated, the
    straight line (rounded down) is our choice. A run of one step stays at ``train``.

    Raises:
        ValueError: a budget is negative or no integer, or the evaluation budget is above the training one.
    """

    train: int = 10
    evaluation: int = 0
    total_steps: int = 1

    def __post_init__(self) -> None:
        evaluation = _integer(self.evaluation, 0, "the evaluation turn budget")
        _integer(self.train, evaluation, "the training turn budget")
        _step(self.total_steps)

    def __call__(self, step: SupportsIndex) -> int:
        """Return the number of consultation turns at training step ``step`` (>= 1; anything else is a ValueError)."""
        done = min(_step(step) - 1, self.total_steps - 1)
        span = max(1, self.total_steps - 1)
        return int(self.train - ((self.train - self.evaluation) * done + span - 1) // span)


def uniform_draw(*key: int | str) -> float:
    """A number in [0, 1) that depends on ``key`` alone, e.g. (run seed, step, prompt, rollout, turn, reply).

    A hash rather than a generator's next draw: rollouts run concurrently and runs resume, and neither may change it.
    """
    digest = hashlib.sha256("\x1f".join(str(part) for part in key).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def sampling_seed(*key: int | str) -> int:
    """A seed in [0, 2**31) for one request to an inference engine, as a function of ``key`` alone."""
    return int(uniform_draw("sampling", *key) * 2**31)
