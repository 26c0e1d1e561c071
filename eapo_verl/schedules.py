"""What changes over training: the probability that a reply is accepted, and the turns that a rollout may use.

Steps are verl's global training steps and start at 1. Everything here is a pure function of the step, so a run that
resumes continues where it was.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

AcceptanceKind = Literal["reciprocal", "scaled_reciprocal", "linear", "exponential", "cosine", "constant"]


def _require_step(step: int) -> None:
    if isinstance(step, bool) or not isinstance(step, int) or step < 1:
        raise ValueError(f"a training step is an integer of at least 1, got {step!r}")


@dataclass(frozen=True)
class AcceptanceSchedule:
    """Probability rho_s that a returned reply is shown to the policy at training step s.

    The paper states ``reciprocal``, rho_s = 1/s. The other kinds are ours, for the ablation of what s counts:
    ``scaled_reciprocal`` s0/(s0+s); ``linear``, ``exponential`` and ``cosine`` go from ``start`` at step 1 to ``end``
    at ``total_steps`` and stay there; ``constant`` is ``start``.

    Args:
        kind: the form of the schedule.
        s0: steps after which ``scaled_reciprocal`` has fallen to one half.
        start: probability at step 1, in [0, 1]; positive for ``exponential``.
        end: probability at ``total_steps``, in [0, 1]; positive for ``exponential``.
        total_steps: length of the run in steps.

    Raises:
        ValueError: an argument is outside its range.
    """

    kind: AcceptanceKind = "reciprocal"
    s0: float = 20.0
    start: float = 1.0
    end: float = 0.0
    total_steps: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(AcceptanceKind):
            raise ValueError(f"acceptance kind is one of {', '.join(get_args(AcceptanceKind))}, got {self.kind!r}")
        if not self.s0 > 0:
            raise ValueError(f"s0 is positive, got {self.s0}")
        for name, value in (("start", self.start), ("end", self.end)):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} is a probability, got {value}")
        if self.kind == "exponential" and min(self.start, self.end) <= 0.0:
            raise ValueError("an exponential schedule needs a start and an end above 0")
        _require_step(self.total_steps)

    def __call__(self, step: int) -> float:
        """Return rho_s in [0, 1] for training step ``step`` (>= 1; anything else is a ValueError)."""
        _require_step(step)
        # Progress through the run in [0, 1]; a run of one step is at its start.
        progress = min(1.0, (step - 1) / max(1, self.total_steps - 1))
        forms: dict[str, Callable[[], float]] = {
            "reciprocal": lambda: 1.0 / step,
            "scaled_reciprocal": lambda: self.s0 / (self.s0 + step),
            "linear": lambda: self.start + (self.end - self.start) * progress,
            "exponential": lambda: self.start * (self.end / self.start) ** progress,
            "cosine": lambda: self.end + (self.start - self.end) * 0.5 * (1.0 + math.cos(math.pi * progress)),
            "constant": lambda: self.start,
        }
        return min(1.0, max(0.0, forms[self.kind]()))


@dataclass(frozen=True)
class TurnBudget:
    """Consultation turns of a rollout: from ``train`` at step 1 to ``evaluation`` at ``total_steps``, never rising.

    A reading note gives T = 10 in training, "contracted toward the evaluation budget"; its form is not stated, the
    straight line (rounded down) is our choice.

    Raises:
        ValueError: a budget is negative, or the evaluation budget is above the training one.
    """

    train: int = 10
    evaluation: int = 0
    total_steps: int = 1

    def __post_init__(self) -> None:
        if self.evaluation < 0 or self.train < self.evaluation:
            raise ValueError(f"turn budgets fall from train to evaluation >= 0, got {self.train} to {self.evaluation}")
        _require_step(self.total_steps)

    def __call__(self, step: int) -> int:
        """Return the number of consultation turns at training step ``step`` (>= 1)."""
        _require_step(step)
        done = min(step - 1, self.total_steps - 1)
        span = max(1, self.total_steps - 1)
        return self.train - ((self.train - self.evaluation) * done + span - 1) // span


def uniform_draw(*key: int | str) -> float:
    """A number in [0, 1) that depends on ``key`` alone, e.g. (run seed, step, prompt, rollout, turn, reply).

    A hash rather than a generator's next draw: rollouts run concurrently and runs resume, and neither may change it.
    """
    digest = hashlib.sha256("\x1f".join(str(part) for part in key).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def sampling_seed(*key: int | str) -> int:
    """A seed in [0, 2**31) for one request to an inference engine, as a function of ``key`` alone."""
    return int(uniform_draw("sampling", *key) * 2**31)
