"""Hints: the beginning of an expert's solution in the training prompt, withdrawn as EAPO withdraws replies.

It ends the prompt, and the policy goes on from it and learns nothing of it (as the oracle prefix of POPE, 2601.18779):
so it has to know no form of hint. QuestA (2507.13266) takes the first half of a solution's characters, then a quarter,
and never looks whether the answer is among them. Here it never is, and whether a hint is shown is EAPO's acceptance,
rho_s at step s (:class:`~eapo_verl.method.schedules.Schedule`): the same rule, seed and draw, so that what is left
between the two is who decides that there is help, the policy or a calendar. Where EAPO draws for each reply, here is
one draw a group, the one that EAPO makes for the first reply of the group's first rollout: an advantage compares
rollouts of one prompt, and one with a hint is no fair rival of one without. Pure.
"""

import re
from collections.abc import Sequence
from typing import Literal, get_args

from eapo_verl.method.draws import uniform_draw
from eapo_verl.method.grammar import neutralise

#: What becomes of the hint of a rollout's prompt: shown; withheld by the schedule; longer than the prompt limit; none
#: that could be shown, since no expert solved the problem, or nothing is left of the solution without its answer.
Fate = Literal["shown", "annealed", "too_long", "missing"]
FATES: tuple[Fate, ...] = get_args(Fate)

# A reply's slots are separated; here a bar may stand in a formula, and this one stands in no text.
_NO_SEPARATOR = "\0"


def hint_of(solution: str, share: float, answer: str, forbidden: Sequence[str]) -> str | None:
    """The first ``share`` of the characters of a solution, without its answer, and safe as a reply is.

    Args:
        solution: an expert's words.
        share: in (0, 1).
        answer: the right one in its normal form.
        forbidden: strings that no expert's words may hold.

    Returns:
        None where no letter or digit is left.
    """
    safe = neutralise(solution, forbidden, _NO_SEPARATOR, len(solution)).text
    # Twice: the cut may leave half a box, or of a longer number what is the answer.
    kept = _before_answer(_before_answer(safe, answer)[: int(share * len(solution))], answer)
    return kept if any(map(str.isalnum, kept)) else None


def _before_answer(text: str, answer: str) -> str:
    r"""``text`` up to a box, or to where the answer stands as a word or number of its own, be it by accident.

    A number is found with leading zeros and separated thousands, too. "-5" does not stand in "12-5", nor "5" in "15" or
    "5.2".
    """
    form = re.escape(answer)
    if answer.isdecimal():
        form = f"0*(?:{answer}|{int(answer):,})"
    found = re.search(rf"\\(?:boxed|fbox)|(?<![\w.]){form}(?!\w|\.\d)", text, re.IGNORECASE)
    return (text[: found.start()] if found else text).strip()


def fate_of(prepared: Fate, rho: float, key: Sequence[int]) -> Fate:
    """What becomes of the hint of a group's prompt.

    Args:
        prepared: what becomes of it where the schedule lets it be shown: not ``annealed``.
        rho: the probability of that, in [0, 1].
        key: run seed, step, problem, and the number of the group's first rollout.
    """
    first_turn, first_reply = 0, 0
    return prepared if uniform_draw(*key, first_turn, first_reply) <= rho else "annealed"
