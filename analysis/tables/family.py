"""What decides in a family of comparisons, and what that test could have found: columns of two tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from analysis.statistics.detectable import detectable_effect
from analysis.statistics.outcome import Outcome
from analysis.statistics.significance import strictest_level
from analysis.statistics.variance import Parts


class Member(NamedTuple):
    """A row of a table before its family is known.

    Attributes:
        family: rows with the same one are adjusted together.
        row: its columns so far.
        outcome: of the test.
        parts: of the test's variance; None where there is none.
    """

    family: tuple[str, ...]
    row: dict[str, object]
    outcome: Outcome
    parts: Parts | None


def decided(tested: Iterable[Member], adjust: Callable[[Sequence[float]], list[float]]) -> list[dict[str, object]]:
    """The rows, in their order, with the test's own columns and with what depends on the others of the family.

    Added are difference, ci_low, ci_high, p_value; p_adjusted, by ``adjust``; alpha, the strictest level that it holds
    a p-value against (NaN without one); mde, the true difference found with 80% power at that level, with its 95%
    interval mde_low to mde_high. With the adjustment the power at ``mde`` is 80% or more, by how much depends on the
    other comparisons.
    """
    everything = list(tested)
    families: dict[tuple[str, ...], list[Member]] = {}
    for one in everything:
        families.setdefault(one.family, []).append(one)
    for members in families.values():
        p_values = [one.outcome.p for one in members]
        alpha = strictest_level(p_values)
        for one, p_adjusted in zip(members, adjust(p_values), strict=True):
            found = detectable_effect(one.parts, alpha)
            one.row.update(
                difference=one.outcome.difference,
                ci_low=one.outcome.interval[0],
                ci_high=one.outcome.interval[1],
                p_value=one.outcome.p,
                p_adjusted=p_adjusted,
                alpha=math.nan if math.isnan(one.outcome.p) else alpha,
                mde=found.value,
                mde_low=found.low,
                mde_high=found.high,
            )
    return [one.row for one in everything]
