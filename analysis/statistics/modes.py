"""Which of the paper's modes of consulting a rollout shows, by a rule on what it asked.

The paper names three that emerge: to resolve it alone, to consult directly, to decompose into sub-questions. It gives
no rule; this one is ours. The terms of a text are its numbers, its signs but for punctuation, and its words of five
letters or more (shorter ones are mostly grammar's), each as often as it is there. A query's coverage is the share of
the problem's terms that it repeats. It asks the **whole** problem where that is two thirds or more, a **part** of it
where it is less, and nothing of it where it is 0, as "how does one do this?" is, put to an expert who is shown the
problem. A rollout's mode:

    self_resolve  it closed no consultation
    direct        it asked the whole problem, and no part
    decompose     it asked a part, and never the whole problem
    both          it asked either
    other         it consulted, and asked nothing of the problem

What a rollout asks counts whether it was let through, and answered, or not: it is the policy's doing. Words are
compared and not meanings, so that a paraphrase can be taken for a part; how many rollouts have another mode where the
limit is a half or four fifths says how much hangs on it.
"""

from __future__ import annotations

import re
from collections import Counter

from analysis.intake.transcripts import Transcript

MODES = ("self_resolve", "direct", "decompose", "both", "other")
#: Coverage from which on a query asks the whole problem, and the other limits that the rule is tried with.
WHOLE, OTHER_LIMITS = 2 / 3, (1 / 2, 4 / 5)
_TERM = re.compile(r"\d+|[^\W\d_]{5,}|[^\w\s.,;:!?'\"“”‘’()\[\]{}$\\`]")


def mode(one: Transcript, whole: float = WHOLE) -> str:
    """One of ``MODES``; ``whole``: the coverage from which on a query asks the whole problem."""
    if not one.turns:
        return "self_resolve"
    shares = [coverage(one.problem, query.query) for turn in one.turns for query in turn.queries]
    asked_whole, asked_part = any(share >= whole for share in shares), any(0 < share < whole for share in shares)
    if asked_whole and asked_part:
        return "both"
    return "direct" if asked_whole else "decompose" if asked_part else "other"


def is_clear(one: Transcript) -> bool:
    """Whether the mode is the same with each of the other limits."""
    return all(mode(one, whole) == mode(one) for whole in OTHER_LIMITS)


def coverage(problem: str, query: str) -> float:
    """The share of the problem's terms that a query repeats; 0 where the problem has none."""
    wanted = terms(problem)
    return (wanted & terms(query)).total() / wanted.total() if wanted else 0.0


def terms(text: str) -> Counter[str]:
    """How often each term is there, whatever its case."""
    return Counter(_TERM.findall(text.casefold()))
