"""What is concluded from the test of one comparison of a family: a difference, none that matters, or nothing.

Two questions are asked of each comparison, and each is a family of its own for Holm's adjustment: is there a
difference (:func:`analysis.statistics.significance.crossed_test`), and is it smaller than any of interest
(:func:`equivalence_p`)? So the chance that any difference is falsely shown is held at 5%, and so is that of any false
"equivalent" or "negligible".
"""

from __future__ import annotations

import math

from scipy import stats

from analysis.statistics.outcome import ALPHA, ROUNDING, Outcome

#: The difference is shown, and may matter.
HIGHER, LOWER = "higher", "lower"
#: It is shown, and shown to be smaller than the smallest effect of interest.
NEGLIGIBLE = "negligible"
#: It is not shown, and shown to be smaller than that.
EQUIVALENT = "equivalent"
#: Neither is shown.
NOT_SHOWN = "not shown"
#: There is no test, or no room for a difference.
UNDECIDABLE = "undecidable"
#: Verdicts by which a difference is shown, and by which one of interest is ruled out.
SHOWN, SMALL = (HIGHER, LOWER, NEGLIGIBLE), (NEGLIGIBLE, EQUIVALENT)

#: Of accuracies: where both methods stay below it, or above one minus it, nothing can be concluded about them.
FLOOR = 0.02


def equivalence_p(outcome: Outcome, margin: float) -> float:
    """p-value of two one-sided t-tests that the true difference lies within ``margin`` of 0, either way.

    The larger of the two (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657), with the standard error and the degrees
    of freedom of ``outcome``. It is below 0.05 just where the 90% interval lies within the margins. Without variance it
    is 0 within them and 1 at or beyond them; NaN where the test is undefined.

    Args:
        outcome: of a t-test.
        margin: smallest effect of interest, in accuracy.
    """
    distance = margin - abs(outcome.difference)
    if math.isnan(outcome.se):
        return math.nan
    if outcome.se**2 < ROUNDING:
        return 0.0 if distance > 0 else 1.0
    return float(stats.t.sf(distance / outcome.se, outcome.df))


def has_room(*means: float) -> bool:
    """Whether accuracies leave room for a difference: not all near 0, and not all near 1."""
    return max(means) >= FLOOR and min(means) <= 1 - FLOOR


def verdict(outcome: Outcome, p_adjusted: float, p_equivalence_adjusted: float, room: bool = True) -> str:
    """The verdict on a comparison.

    Args:
        outcome: of its primary test.
        p_adjusted: of that test, adjusted over the family.
        p_equivalence_adjusted: of :func:`equivalence_p`, likewise.
        room: whether the two methods leave any for a difference (:func:`has_room`).
    """
    if math.isnan(p_adjusted) or not room:
        return UNDECIDABLE
    small = p_equivalence_adjusted < ALPHA
    if p_adjusted < ALPHA:
        return NEGLIGIBLE if small else HIGHER if outcome.difference > 0 else LOWER
    return EQUIVALENT if small else NOT_SHOWN
