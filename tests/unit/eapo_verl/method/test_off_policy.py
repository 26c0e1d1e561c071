"""The advantages of groups in which experts' solutions are members."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.method.off_policy import Member, group_advantages


def test_a_solution_is_in_the_mean() -> None:
    # LUFFY: A = r - mean of all members, not divided.
    assert group_advantages([Member(1.0), Member(0.0), Member(0.0)], [1.0]) == ([0.5, -0.5, -0.5], [0.5])
    assert group_advantages([Member(1.0)] * 3, [1.0]) == ([0.0, 0.0, 0.0], [0.0])


def test_a_replaced_rollout_is_in_nothing() -> None:
    # AMPO: k of n wrong rollouts make room.
    own, theirs = group_advantages([Member(0.0, replaced=True)] * 2 + [Member(0.0)] * 6, [1.0, 1.0])
    assert own == [0.0, 0.0] + [-0.25] * 6 and theirs == [0.75, 0.75]


scores = st.floats(-1, 1)


@given(st.lists(st.builds(Member, scores, st.booleans())), st.lists(scores, min_size=1))
def test_members_advantages_add_up_to_nothing(rollouts: list[Member], experts: list[float]) -> None:
    own, theirs = group_advantages(rollouts, experts)
    assert sum(own) + sum(theirs) == pytest.approx(0.0, abs=1e-9)
    assert all(made == 0.0 for made, member in zip(own, rollouts, strict=True) if member.replaced)
