"""The paper's own numbers, where its public notes state them (arXiv 2509.23730)."""

from __future__ import annotations

import math
from collections.abc import Collection

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
    first, second = (_READINGS.get(method, method) for method in (a, b))
    if first == second or first not in _MACRO or second not in _MACRO:
        return None
    return _MACRO[first] - _MACRO[second]
