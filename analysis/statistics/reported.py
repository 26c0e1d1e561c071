"""The paper's own numbers, where its public notes state them (arXiv 2509.23730)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from analysis.intake.cells import MACRO

PAPER_BENCHMARKS = frozenset({"aime_2024", "aime_2025", "aimo_2025"})

# Averages over the paper's three benchmarks. It calls them Pass@32; they are avg@32, for any-of-32 over 30 questions
# would be a multiple of 1/30.
_MACRO = {
    "base": 0.4253,
    "expert_workflow": 0.4939,
    "leap": 0.4708,
    "distillation_lora": 0.4324,
    "self_exploratory": 0.5916,
    "eapo": 0.6407,
    "eapo_sequential": 0.6179,
    # One of 14B in place of 32B.
    "eapo_weaker_expert": 0.6155,
    "eapo_homogeneous": 0.5885,
}
_BENCHMARK = {("eapo", "aimo_2025"): 0.6417}
# "Var" of the same rows, probably the mean over questions of p(1 - p).
_VARIANCE = {"eapo": 0.0643, "self_exploratory": 0.0727}
#: How a difference of ours stands to the paper's (:func:`replication`).
CONSISTENT, SMALLER, LARGER, CANNOT_TELL = "consistent", "smaller than reported", "larger than reported", "cannot tell"
# Methods of this project that are another reading of one of the paper's, whose experts are replicas of one model.
_READINGS = {"eapo_paper": "eapo", "eapo_one_expert": "eapo"}


def reported(method: str, benchmark: str, benchmarks: Collection[str]) -> float:
    """The paper's avg@32 of ``method`` in a row of the main table, NaN where it states none.

    ``benchmarks`` are those of the experiment: the paper's average is put beside an average over the same three only.
    """
    theirs = _READINGS.get(method, method)
    if benchmark == MACRO:
        return _MACRO.get(theirs, math.nan) if set(benchmarks) == PAPER_BENCHMARKS else math.nan
    return _BENCHMARK.get((theirs, benchmark), math.nan)


def reported_difference(a: str, b: str) -> float | None:
    """The paper's average of ``a`` minus that of ``b`` over its three benchmarks.

    None where it states not both, or where the two are readings of one row of it.
    """
    return _difference(_MACRO, a, b)


def reported_variance(a: str, b: str) -> float | None:
    """The paper's "Var" of ``a`` minus that of ``b``, likewise."""
    return _difference(_VARIANCE, a, b)


def _difference(stated: Mapping[str, float], a: str, b: str) -> float | None:
    first, second = (_READINGS.get(method, method) for method in (a, b))
    if first == second or first not in stated or second not in stated:
        return None
    return stated[first] - stated[second]


def replication(difference: float, interval: tuple[float, float], shown: bool) -> str:
    """How an interval of ours stands to the difference that the paper reports.

    The paper states neither an interval nor a number of training seeds, so that its number is taken as it stands.
    "smaller than reported": the whole interval lies on the side of no difference, or of the reverse, of that number.
    "larger than reported": on the other side. "consistent": it holds the number, and a difference in the number's
    direction is shown. "cannot tell": it holds the number, and none is shown.

    Args:
        difference: the paper's, not 0.
        interval: ours, at 95%.
        shown: whether our difference is, by the test that the verdict goes by.
    """
    sign = math.copysign(1.0, difference)
    low, high = sorted(sign * end for end in interval)
    if high < abs(difference):
        return SMALLER
    if low > abs(difference):
        return LARGER
    return CONSISTENT if shown and low > 0 else CANNOT_TELL
