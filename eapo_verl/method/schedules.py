"""What changes over training: the probability that a reply is accepted, the turns of a rollout, the weights of rewards.

Steps are verl's global training steps and start at 1. Everything here is a pure function of the step and of the run's
length in steps, so a run that resumes continues where it was.
"""

import math
import operator
from collections.abc import Callable
from typing import Literal, SupportsIndex

from pydantic import Field, model_validator

from eapo_verl.settings.base import Settings

ScheduleKind = Literal["reciprocal", "scaled_reciprocal", "linear", "exponential", "cosine", "constant"]


def _at_least_one(value: SupportsIndex, what: str) -> int:
    """``value`` as an int; any integer type is one (numpy's too), a bool and a float are not."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if isinstance(value, bool) or number < 1:
        raise ValueError(f"{what} is an integer of at least 1, got {value!r}")
    return number


class Schedule(Settings):
    """Probability rho_s that a returned reply is shown to the policy at training step s.

    The paper states ``reciprocal``, rho_s = 1/s. The other kinds are ours, for the ablation of what s counts:
    ``scaled_reciprocal`` s0/(s0+s); ``linear``, ``exponential`` and ``cosine`` go from ``start`` at step 1 to ``end``
    at the last step and stay there (in a run of one step: at ``start``); ``constant`` is ``start``.

    Attributes:
        kind: the form of the schedule.
        s0: steps after which ``scaled_reciprocal`` has fallen to one half.
        start: probability at step 1; positive for ``exponential``.
        end: probability at the last step; positive for ``exponential``. None is 0, and 0.01 for ``exponential``, which
            cannot reach 0.
    """

    kind: ScheduleKind = "reciprocal"
    s0: float = Field(20.0, gt=0)
    start: float = Field(1.0, ge=0, le=1)
    end: float | None = Field(None, ge=0, le=1)

    @model_validator(mode="after")
    def _reachable(self) -> "Schedule":
        if self.kind == "exponential" and min(self.start, self._end) <= 0.0:
            raise ValueError("an exponential schedule needs a start and an end above 0")
        return self

    @property
    def _end(self) -> float:
        if self.end is not None:
            return self.end
        return 0.01 if self.kind == "exponential" else 0.0

    def __call__(self, step: SupportsIndex, total_steps: SupportsIndex) -> float:
        """Return rho_s in [0, 1] for training step ``step`` of a run of ``total_steps``.

        Raises:
            ValueError: one of them is no integer of at least 1.
        """
        s, last = _at_least_one(step, "a training step"), _at_least_one(total_steps, "a run's number of steps")
        # Progress through the run in [0, 1]; a run of one step is at its start.
        progress = min(1.0, (s - 1) / max(1, last - 1))
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


class Weight(Schedule):
    """A weight lambda_s = peak x schedule(s), of a part of the reward or of a loss; without a peak the part is off.

    The rest is the schedule's; a weight that grows has ``start`` < ``end``.

    Attributes:
        peak: the weight where the schedule is 1.
    """

    kind: ScheduleKind = "constant"
    peak: float = Field(0.0, ge=0)

    def __call__(self, step: SupportsIndex, total_steps: SupportsIndex) -> float:
        """Return lambda_s in [0, peak]; arguments and errors are the schedule's."""
        return self.peak * super().__call__(step, total_steps)


class TurnBudget(Settings):
    """Consultation turns of a rollout: from ``train`` at step 1 to ``evaluation`` at the last step, never rising.

    A reading note gives T = 10 in training, "contracted toward the evaluation budget"; its form is not stated, the
    straight line (rounded down) is our choice. A run of one step stays at ``train``.
    """

    train: int = Field(1, ge=0, strict=True)
    evaluation: int = Field(0, ge=0, strict=True)

    @model_validator(mode="after")
    def _contracting(self) -> "TurnBudget":
        if self.train < self.evaluation:
            raise ValueError(
                f"turns in training ({self.train}) cannot be fewer than those in evaluation ({self.evaluation})"
            )
        return self

    def __call__(self, step: SupportsIndex, total_steps: SupportsIndex) -> int:
        """Return the number of consultation turns; arguments and errors are those of :class:`Schedule`."""
        s, last = _at_least_one(step, "a training step"), _at_least_one(total_steps, "a run's number of steps")
        span = max(1, last - 1)
        done = min(s - 1, last - 1)
        return self.train - ((self.train - self.evaluation) * done + span - 1) // span
