"""The dual reward: beside the answer's part, a bonus for consulting at a critical step and a cost for an idle one.

The project's summary of the paper names "correct final answers" and "consulting experts at critical steps" as the two
rewards and gives no formula; this one is ours. Progressive shaping gives bonus and cost a
:class:`~eapo_verl.method.schedules.Weight` each.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RolloutFacts:
    """What shaping has to know about a rollout.

    Attributes:
        answer_score: the reward for its answer.
        right: whether the answer is right, by the exact reward.
        consultations: turns in which it consulted.
        accepted: replies that it was shown; a rollout without any is unassisted.
        low_confidence: whether the policy's confidence was low where it consulted; None where that was not measured.
    """

    answer_score: float
    right: bool
    consultations: int
    accepted: int
    low_confidence: bool | None = None


@dataclass(frozen=True)
class Parts:
    """A rollout's reward in its parts; ``cost`` is at least 0 and subtracted."""

    answer: float
    bonus: float = 0.0
    cost: float = 0.0

    @property
    def total(self) -> float:
        """What is optimised: answer + bonus - cost."""
        return self.answer + self.bonus - self.cost


def shape_group(facts: Sequence[RolloutFacts], bonus: float, cost: float) -> list[Parts]:
    """The parts of the rewards of the rollouts of one prompt, in their order.

    A rollout that consulted did so at a critical step, and earns ``bonus`` once, if its confidence was low there or if
    the group's unassisted rollouts (at least one) are all wrong; otherwise it was idle, and pays ``cost`` once. More
    consultations earn no more.

    The answer's part dominates. Where the group holds right and wrong rollouts, both weights are scaled by the gap
    between the lowest answer part of a right one and the highest of a wrong one (1 for the exact reward), so that with
    bonus + cost < 1 every right rollout stays above every wrong one; where the answer parts do not separate them (the
    published F1's faults) the gap is 0, and nothing is added to what ranks them already.

    Raises:
        ValueError: a weight is negative, or their sum is not below 1.
    """
    if not (bonus >= 0.0 and cost >= 0.0 and bonus + cost < 1.0):
        raise ValueError(f"bonus and cost are at least 0 and add up to less than 1, got {bonus} and {cost}")
    unassisted = [rollout for rollout in facts if rollout.accepted == 0]
    hard = bool(unassisted) and not any(rollout.right for rollout in unassisted)
    scale = _gap(facts)
    return [_parts(rollout, hard, bonus * scale, cost * scale) for rollout in facts]


def advantage_factor(parts: Sequence[Parts]) -> float:
    """What the advantages of a group are multiplied with, after GRPO has divided them by the standard deviation.

    1 where the answers' parts differ. Where they are all the same, bonus and cost alone would make advantages as large
    as a right answer does, whatever their weights: there the standard deviation (of the sample, as GRPO's) is
    multiplied back in. Without this the policy of the embedded experiment learned to consult always, for the bonus in
    groups that nobody solved.
    """
    if len(parts) < 2 or len({part.answer for part in parts}) > 1:
        return 1.0
    return statistics.stdev(part.total for part in parts)


def _gap(facts: Sequence[RolloutFacts]) -> float:
    right = [rollout.answer_score for rollout in facts if rollout.right]
    wrong = [rollout.answer_score for rollout in facts if not rollout.right]
    # Advantages compare the rollouts of one prompt alone: with one kind only, there is no order to keep.
    return min(1.0, max(0.0, min(right) - max(wrong))) if right and wrong else 1.0


def _parts(rollout: RolloutFacts, hard: bool, bonus: float, cost: float) -> Parts:
    if rollout.consultations == 0:
        return Parts(rollout.answer_score)
    if hard or rollout.low_confidence:
        return Parts(rollout.answer_score, bonus=bonus)
    return Parts(rollout.answer_score, cost=cost)
