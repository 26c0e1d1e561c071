r"""Experts' solutions as off-policy members of a prompt's group.

LUFFY (2504.14945) has one in every group, AMPO (2510.02227) up to k in place of wrong rollouts where a whole group
failed. With M the members of a group, policy's and experts', and r their rewards,

    A_i = r_i - mean_{j in M} r_j,

not divided by a deviation. On the policy's own tokens the loss is GRPO's, -A_i * ratio (clipped or not); on an
expert's, where p is the policy's probability of the token and the expert's is taken as 1, it is

    -A_i * f(p),   f(p) = p / (p + gamma),   f'(p) = gamma / (p + gamma)^2,

so that tokens that are improbable to the policy weigh more than under p itself. Every member counts once in the mean of
the loss. An expert's row is in no ratio, divergence or mismatch. Pure; the loss is
:mod:`eapo_verl.engine.off_policy_loss`.
"""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

#: What is counted in a step: solutions that were learned from; groups that had one; groups whose rollouts were all
#: wrong; rollouts in whose places solutions were.
COUNTS = ("expert_rows", "groups_helped", "groups_failed", "replaced_rollouts")


class Member(NamedTuple):
    """Of a group, or a rollout that was one.

    Attributes:
        score: its reward.
        replaced: whether a solution took its place.
    """

    score: float
    replaced: bool = False


def group_advantages(rollouts: Sequence[Member], experts: Sequence[float]) -> tuple[list[float], list[float]]:
    """The advantages of the rollouts of a group, and those of its solutions; 0 for a rollout that was replaced.

    Args:
        rollouts: of the policy.
        experts: the rewards of the solutions, at least one.
    """
    scores = [*(member.score for member in rollouts if not member.replaced), *experts]
    mean = statistics.fmean(scores)
    own = [0.0 if member.replaced else member.score - mean for member in rollouts]
    return own, [score - mean for score in experts]
