"""Arms of the kind ``rl`` that are another arm but for what they are named after."""

from typing import Any

import pytest

from workflow.methods import methods


def leaves(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The dotted keys of a method's changes."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


@pytest.mark.parametrize(
    ("arm", "other", "differing"),
    [
        ("eapo_penalty", "eapo_paper", "reward.penalty."),
        ("self_exploratory_dapo", "self_exploratory", "training.optimiser."),
        ("self_exploratory_matched", "self_exploratory", "match."),
    ],
)
def test_an_arm_is_another_one_but_for_a_part(arm: str, other: str, differing: str) -> None:
    ours, theirs = leaves(methods()[arm].changes), leaves(methods()[other].changes)
    added = {key for key in ours if key.startswith(differing)}
    assert added and {key: value for key, value in ours.items() if key not in added} == theirs
    assert not any(key.startswith(differing) for key in theirs)


def test_sft_then_rl_is_self_exploratory_with_another_start() -> None:
    own = dict(methods()["sft_then_rl"].changes)
    assert own.pop("start_from") == "distillation_full" and own.pop("match")["by"] == "steps"
    assert own == methods()["self_exploratory"].changes
