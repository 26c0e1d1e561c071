"""A run that may cost as much as another one has cost: how large its groups, or how many its steps, then are."""

import math
from typing import Literal

from pydantic import Field

from eapo_verl.settings.base import Name, Settings


class Match(Settings):
    """The run costs what the run of another arm with the same seed has cost, in FLOPs; the rule is ours.

    Attributes:
        arm: that arm; the policy's FLOPs count, and the experts', whose tokens weigh by their parameters.
        like: the arm whose run of the same seed says what a rollout costs, its FLOPs over its rollouts: one that asks
            nobody, and starts from no other run's model.
        by: the key of the budget that is set so.
    """

    arm: Name
    like: Name
    by: Literal["rollouts_per_prompt", "steps"]


class Matched(Settings):
    """What a match came to, for ``run.json``.

    Attributes:
        by: the key of the budget.
        given: its value without the match.
        made: its value with it.
        flops: to be spent: those of the run that is matched, less those of the run that this one starts from.
        flops_a_rollout: what one is taken to cost.
        flops_over: by how much the run, so rounded, exceeds what there is, at that price; at least 0.
    """

    by: str
    given: int
    made: int = Field(ge=1)
    flops: float
    flops_a_rollout: float
    flops_over: float


def matched(by: str, given: int, rollouts: int, flops: float, flops_a_rollout: float) -> Matched:
    """The value of a budget's key with which a run costs ``flops``.

    made = ceil(flops / (flops_a_rollout * rollouts / given)): rounded up, so that no match gives less.

    Args:
        by: the key, in which the run's number of rollouts is linear.
        given: its value without the match.
        rollouts: of the whole run with that value.
        flops: to be spent.
        flops_a_rollout: that one costs.

    Raises:
        ValueError: there is nothing to spend, or rollouts cost nothing.
    """
    if flops <= 0 or flops_a_rollout <= 0:
        raise ValueError(f"{flops:.3g} are left for rollouts of {flops_a_rollout:.3g} each")
    unit = flops_a_rollout * rollouts / given
    # Less than that is the rounding of the division.
    made = math.ceil(flops / unit - 1e-9)
    return Matched(
        by=by,
        given=given,
        made=made,
        flops=flops,
        flops_a_rollout=flops_a_rollout,
        flops_over=max(0.0, made * unit - flops),
    )
