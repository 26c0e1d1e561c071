"""One training step in numbers, from what the agent loop and the reward left of each rollout. Pure functions."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from eapo_verl.method.objective import Parts
from eapo_verl.method.rollout import COUNTS

Fields = Mapping[str, Any]
#: Columns that are sums over rollouts, those that were generated and discarded included: they were paid for.
SUMMED = (*COUNTS, "policy_tokens", "policy_prompt_tokens", "policy_tokens_reread", "cut_tokens")

#: Columns that begin so count what became of answers, by the task's word (:class:`tasks.Grade`): of all rollouts of a
#: step, and of a validation. A word that there was none of has no column.
OUTCOME, VALIDATION_OUTCOME = "outcome_", "validation_outcome_"


def counted(outcomes: Iterable[str], prefix: str) -> dict[str, int]:
    """The columns with that prefix."""
    return {f"{prefix}{outcome}": count for outcome, count in sorted(Counter(outcomes).items())}


def added_up(steps: Iterable[Mapping[str, Any]], prefix: str) -> dict[str, int]:
    """The columns with that prefix in lines of a metrics file, added up by the task's word."""
    total: Counter[str] = Counter()
    for step in steps:
        total.update({key.removeprefix(prefix): int(step[key] or 0) for key in step if key.startswith(prefix)})
    return dict(sorted(total.items()))


def summarise(
    rollouts: Sequence[Fields],
    parts: Sequence[Parts],
    discarded: Sequence[Fields] = (),
    surplus: Sequence[Fields] = (),
) -> dict[str, float | int | None]:
    """A step's columns.

    Args:
        rollouts: ``extra_fields`` of each rollout that is trained on.
        parts: of the reward of each, in the same order.
        discarded: ``extra_fields`` of those that are not since their group has no contrast; tokens and queries of them
            count all the same.
        surplus: ``extra_fields`` of those whose group was one more than needed, likewise.

    Returns:
        accuracy_train, accuracy_train_assisted and accuracy_train_unassisted (a rollout being assisted if a reply was
        accepted); reward_mean and its parts reward_answer (the penalty for length included), reward_overlong (that
        penalty alone), reward_bonus, reward_cost, and format_rate, answered_rate; consult_rate, the fraction of
        rollouts that consulted; queries_per_turn; copy_rate, of assisted rollouts those that answer with what a reply
        states; response_length, in tokens; confidence, the mean where a consultation was closed;
        seconds_consultation, the longest wait of a rollout; rollouts, discarded_rollouts, surplus_rollouts; and the
        sums of ``SUMMED``, expert_cost, in US dollars, and expert_flops. None where there was nothing to take a mean
        of. And how many of all rollouts, trained on or not, had each outcome (``OUTCOME``).
    """
    counts = [fields["consultation"] for fields in rollouts]
    rewards = [fields["reward_extra_info"] for fields in rollouts]
    right = [bool(reward["acc"]) for reward in rewards]
    assisted = [count["accepted"] > 0 for count in counts]
    paid = [*counts, *(fields["consultation"] for fields in (*discarded, *surplus))]
    graded = (fields["reward_extra_info"]["outcome"] for fields in (*rollouts, *discarded, *surplus))
    sums: dict[str, float | int | None] = {name: int(sum(count[name] for count in paid)) for name in SUMMED}
    return {
        "accuracy_train": _mean(right),
        "accuracy_train_assisted": _mean([one for one, helped in zip(right, assisted, strict=True) if helped]),
        "accuracy_train_unassisted": _mean([one for one, helped in zip(right, assisted, strict=True) if not helped]),
        "answered_rate": _mean([reward["answered"] for reward in rewards]),
        "format_rate": _mean([reward["format"] for reward in rewards]),
        "reward_mean": _mean([part.total for part in parts]),
        "reward_answer": _mean([part.answer for part in parts]),
        "reward_overlong": _mean([reward["overlong_reward"] for reward in rewards]),
        "reward_bonus": _mean([part.bonus for part in parts]),
        "reward_cost": _mean([part.cost for part in parts]),
        "consult_rate": _mean([count["consultations"] > 0 for count in counts]),
        "queries_per_turn": _ratio(sum(c["queries"] for c in counts), sum(c["consultations"] for c in counts)),
        "copy_rate": _mean([count["copied"] for count in counts if count["copied"] is not None]),
        "confidence": _mean([value for count in counts for value in count["confidences"]]),
        "response_length": _mean([count["response_tokens"] for count in counts]),
        "seconds_consultation": max((count["consultation_s"] for count in counts), default=0.0),
        "rollouts": len(rollouts),
        "discarded_rollouts": len(discarded),
        "surplus_rollouts": len(surplus),
        **sums,
        **counted(graded, OUTCOME),
        "expert_cost": float(sum(count["expert_cost"] for count in paid)),
        "expert_flops": float(sum(count["expert_flops"] for count in paid)),
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _ratio(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None
