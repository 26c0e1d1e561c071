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
        least: the share of its value that it has in any case, however little is left to spend; 0: a run for which
            nothing is left is refused.
    """

    arm: Name
    like: Name
    by: Literal["rollouts_per_prompt", "steps"]
    least: float = Field(0.0, ge=0, le=1)


class Matched(Settings):
    """What a match came to, for ``run.json``.

    Attributes:
        by: the key of the budget.
        given: its value without the match.
        made: its value with it.
        flops: to be spent: those of the run that is matched, less those of the run that this one starts from.
        flops_a_rollout: what one is taken to cost.
        flops_over: by how much the run exceeds what there is, at that price, since it was rounded up or had its least.
    """

    by: str
    given: int
    made: int = Field(ge=1)
    flops: float
    flops_a_rollout: float
    flops_over: float


def matched(match: Match, given: int, rollouts: int, flops: float, flops_a_rollout: float) -> Matched:
    """The value of a budget's key with which a run costs ``flops``.

    made = ceil(max(flops / (flops_a_rollout * rollouts / given), least * given)): rounded up, so that no match gives
    less.

    Args:
        match: the rule; the run's number of rollouts is linear in its key.
        given: the key's value without the match.
        rollouts: of the whole run with that value.
        flops: to be spent; there may be none.
        flops_a_rollout: that one costs.

    Raises:
        ValueError: there is nothing to spend and no least, or rollouts cost nothing.
    """
    if max(flops, match.least) <= 0 or flops_a_rollout <= 0:
        raise ValueError(f"{flops:.3g} are left for rollouts of {flops_a_rollout:.3g} each")
    unit = flops_a_rollout * rollouts / given
    # Less than that is the rounding of the division.
    made = math.ceil(max(flops / unit, match.least * given) - 1e-9)
    return Matched(
        by=match.by,
        given=given,
        made=made,
        flops=flops,
        flops_a_rollout=flops_a_rollout,
        flops_over=max(0.0, made * unit - flops),
    )
