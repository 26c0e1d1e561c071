"""What the paper claims (arXiv 2509.23730), and which difference of two methods decides each claim.

To have a claim decided, or to have it decided by another pair of methods, change :data:`CLAIMS`, and nothing else. The
numbers that the paper states stand in :mod:`analysis.statistics.reported`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from analysis.statistics.verdict import EQUIVALENT, HIGHER, LOWER, NEGLIGIBLE

#: What a claim expects of the first method minus the second.
ABOVE, BELOW, NO_GAIN = "above", "below", "no gain"
#: Of what it expects that: accuracy, or the variance of a question's samples, p(1 - p).
ACCURACY, VARIANCE = "accuracy", "variance"
#: What becomes of it.
HOLDS, DOES_NOT_HOLD, CANNOT_TELL, NOT_RUN = "holds", "does not hold", "cannot tell", "not run"
#: Of a claim whose rows say both.
DIFFERS = "differs by row"

# By what is expected and the verdict on the difference; whatever is not there cannot be told.
_READ: dict[str, dict[str, str]] = {
    ABOVE: {HIGHER: HOLDS, LOWER: DOES_NOT_HOLD, NEGLIGIBLE: DOES_NOT_HOLD, EQUIVALENT: DOES_NOT_HOLD},
    BELOW: {LOWER: HOLDS, HIGHER: DOES_NOT_HOLD, NEGLIGIBLE: DOES_NOT_HOLD, EQUIVALENT: DOES_NOT_HOLD},
    NO_GAIN: {LOWER: HOLDS, NEGLIGIBLE: HOLDS, EQUIVALENT: HOLDS, HIGHER: DOES_NOT_HOLD},
}


class Claim(NamedTuple):
    """A claim of the paper.

    Attributes:
        claim: in words.
        expects: of the first method of each pair, in comparison with the second.
        pairs: of our methods, each of which decides the claim for itself.
        paper: the two methods of the paper's that it is about, by the names of :mod:`analysis.statistics.reported`.
        source: where the paper says so, and what is not known of it.
        measure: what is compared.
    """

    claim: str
    expects: str
    pairs: tuple[tuple[str, str], ...]
    paper: tuple[str, str]
    source: str
    measure: str = ACCURACY


_TABLE = "results table, averages of three benchmarks; no interval and no number of seeds is known"
_ABLATION = "expert and interaction ablations, the same averages"

#: In the order in which they are shown.
CLAIMS: tuple[Claim, ...] = (
    Claim(
        "EAPO is above self-exploratory RL",
        ABOVE,
        (
            ("eapo", "self_exploratory"),
            ("eapo_paper", "self_exploratory"),
            ("eapo", "self_exploratory_matched"),
            ("eapo_paper", "self_exploratory_matched"),
        ),
        ("eapo", "self_exploratory"),
        _TABLE,
    ),
    Claim(
        "Parallel consultation is above sequential",
        ABOVE,
        (("eapo", "eapo_sequential"),),
        ("eapo", "eapo_sequential"),
        _ABLATION,
    ),
    Claim(
        "Stronger experts help more",
        ABOVE,
        (("eapo_one_expert", "eapo_weaker_expert"), ("eapo_stronger_expert", "eapo_one_expert")),
        ("eapo", "eapo_weaker_expert"),
        f"{_ABLATION}; 32B against 14B",
    ),
    Claim(
        "The policy as its own expert gives nothing",
        NO_GAIN,
        (("eapo_homogeneous", "self_exploratory"),),
        ("eapo_homogeneous", "self_exploratory"),
        _ABLATION,
    ),
    Claim(
        "EAPO's answers vary less than self-exploratory RL's",
        BELOW,
        (("eapo", "self_exploratory"), ("eapo_paper", "self_exploratory")),
        ("eapo", "self_exploratory"),
        "results table, “Var”, from which it speaks of stability; probably the mean over questions of p(1 - p)",
        VARIANCE,
    ),
    Claim(
        "Distillation is below EAPO",
        BELOW,
        (
            ("distillation_lora", "eapo"),
            ("distillation_lora", "eapo_paper"),
            ("distillation_full", "eapo"),
            ("distillation_full", "eapo_paper"),
        ),
        ("distillation_lora", "eapo"),
        _TABLE,
    ),
    Claim(
        "The expert workflow is below EAPO",
        BELOW,
        # workflow_bare: the one form of it that the embedded policy can read.
        tuple((workflow, form) for workflow in ("expert_workflow", "workflow_bare") for form in ("eapo", "eapo_paper")),
        ("expert_workflow", "eapo"),
        _TABLE,
    ),
    Claim(
        "Internalization matters",
        ABOVE,
        (("eapo", "eapo_no_internalization"), ("eapo_paper_with_internalization", "eapo_paper")),
        ("eapo", "eapo_no_internalization"),
        "an ablation that the founding document names; its numbers are not known",
    ),
)


def read(expects: str, verdict: str) -> str:
    """What becomes of a claim, by a verdict of :mod:`analysis.statistics.verdict` on the difference that decides it."""
    return _READ[expects].get(verdict, CANNOT_TELL)


def overall(answers: Collection[str]) -> str:
    """What becomes of a claim by all of its rows: what those that tell say, if they say the same."""
    told = {HOLDS, DOES_NOT_HOLD} & set(answers)
    if len(told) > 1:
        return DIFFERS
    return told.pop() if told else CANNOT_TELL if CANNOT_TELL in answers else NOT_RUN
