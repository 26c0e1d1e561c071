"""The dual reward: beside the answer's part, a bonus for consulting at a critical step and a cost for an idle one.

The project's summary of the paper names "correct final answers" and "consulting experts at critical steps" as the two
rewards and gives no formula; this one is ours. Two notes on the paper name a consultation penalty, one of them that it
is annealed to zero; its form is ours, too: any consultation costs it, a critical one as well. Progressive shaping gives
bonus, cost and penalty a :class:`~eapo_verl.method.schedules.Weight` each.

With A_i the advantage that GRPO makes of the answers' parts alone, b_i and c_i the bonus and cost of rollout i, the
penalty a part of c_i,

    A'_i = A_i + g * ((b_i - c_i) - mean_j(b_j - c_j)),   g = min(1, max(0, min_right A - max_wrong A))

with the minimum over the right rollouts of the group, the maximum over its wrong ones, and g = 1 where it holds one
kind alone. So bonus and cost are added in the advantage's own unit and never divided by the group's standard deviation:
they keep their size whatever else differs in the group, a penalty for length of a thousandth or one for divergence. A
group whose rollouts earn and pay the same has GRPO's advantages exactly. The answer dominates: with bonus + cost +
penalty < 1 every right rollout stays above every wrong one, and where GRPO does not put it there (the published F1's
faults), g = 0 and nothing is added. With the exact reward g = 1: over a group's standard deviation the gap is at least
sqrt(2).
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RolloutFacts:
    """What shaping has to know about a rollout.

    Attributes:
        answer_score: the reward for its answer.
        right: whether the answer is right, whatever the reward.
        consultations: turns in which it closed a consultation, whatever that held.
        queries: real ones of all of them (:class:`~eapo_verl.method.grammar.Consult`).
        asked: those of them that the trigger let through.
        accepted: replies that it was shown; a rollout without any is unassisted.
        low_confidence: whether the policy's confidence was low in a consultation that was let through; None where that
            was not measured.
    """

    answer_score: float
    right: bool
    consultations: int = 0
    queries: int = 0
    asked: int = 0
    accepted: int = 0
    low_confidence: bool | None = None

    @classmethod
    def of(cls, answer_score: float, right: bool, facts: Mapping[str, Any]) -> "RolloutFacts":
        """From what :meth:`~eapo_verl.method.rollout.Rollout.facts` says of a rollout."""
        asked = facts["queries"] - facts["gated"]
        names = ("consultations", "queries", "accepted", "low_confidence")
        return cls(answer_score, right, asked=asked, **{name: facts[name] for name in names})


@dataclass(frozen=True)
class Parts:
    """A rollout's reward in its parts; ``cost``, the penalty included, is at least 0 and subtracted."""

    answer: float
    bonus: float = 0.0
    cost: float = 0.0

    @property
    def total(self) -> float:
        """What is optimised: answer + bonus - cost."""
        return self.answer + self.bonus - self.cost


@dataclass(frozen=True)
class Shaped:
    """What the rollouts of one prompt are worth, each list in their order.

    Attributes:
        parts: of their rewards; bonus and cost are those of the equation, scaled by g.
        answer_advantages: A. Of a rollout that is alone, since the others of its prompt failed, it is 0: it has nothing
            to be compared with (verl takes its reward).
        advantages: A', what the rollouts are trained with.
    """

    parts: list[Parts]
    answer_advantages: list[float]
    advantages: list[float]


def shape_group(
    facts: Sequence[RolloutFacts], advantages: Sequence[float], bonus: float, cost: float, penalty: float = 0.0
) -> Shaped:
    """Rewards and advantages of the rollouts of one prompt.

    A rollout earns ``bonus`` once if it consulted at a critical step: at least one real query was let through, and its
    confidence was low there or the group's unassisted rollouts (at least one) are all wrong. A rollout that consulted
    at no critical step was idle, and pays ``cost`` once; so does one that asked nothing, an empty consultation,
    wherever it was: it takes a turn and can help nobody. Where the trigger held every query back on a prompt whose
    unassisted rollouts are all wrong, nothing is earned and nothing is paid: nobody was asked, and to ask was no fault.
    A rollout that closed any consultation pays ``penalty`` once, on top of that. More consultations earn no more.

    Args:
        facts: of each rollout.
        advantages: GRPO's, of the answers' parts alone.
        bonus: the weight at this step, at least 0.
        cost: likewise.
        penalty: likewise; the three add up to less than 1.

    Raises:
        ValueError: a weight is out of range, or there are not as many advantages as rollouts.
    """
    weights = (bonus, cost, penalty)
    if not (all(weight >= 0.0 for weight in weights) and sum(weights) < 1.0):
        raise ValueError(f"bonus, cost and penalty are at least 0 and add up to less than 1, got {weights}")
    own = list(advantages) if len(advantages) > 1 else [0.0 for _ in advantages]
    gap = _gap([fact.right for fact in facts], own)
    unassisted = [rollout for rollout in facts if rollout.accepted == 0]
    hard = bool(unassisted) and not any(rollout.right for rollout in unassisted)
    parts = [_parts(rollout, hard, bonus * gap, cost * gap, penalty * gap) for rollout in facts]
    shaping = [part.bonus - part.cost for part in parts]
    if len(set(shaping)) <= 1:
        return Shaped(parts, own, own)
    centre = statistics.fmean(shaping)
    return Shaped(parts, own, [one + added - centre for one, added in zip(own, shaping, strict=True)])


def _gap(right: Sequence[bool], advantages: Sequence[float]) -> float:
    best_wrong = max((one for one, is_right in zip(advantages, right, strict=True) if not is_right), default=None)
    worst_right = min((one for one, is_right in zip(advantages, right, strict=True) if is_right), default=None)
    # Advantages compare the rollouts of one prompt alone: with one kind only, there is no order to keep.
    if best_wrong is None or worst_right is None:
        return 1.0
    return min(1.0, max(0.0, worst_right - best_wrong))


def _parts(rollout: RolloutFacts, hard: bool, bonus: float, cost: float, penalty: float) -> Parts:
    if rollout.consultations == 0:
        return Parts(rollout.answer_score)
    if rollout.asked and (hard or rollout.low_confidence):
        return Parts(rollout.answer_score, bonus=bonus, cost=penalty)
    if rollout.queries and hard:
        return Parts(rollout.answer_score, cost=penalty)
    return Parts(rollout.answer_score, cost=cost + penalty)
