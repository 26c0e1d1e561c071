"""Rewards of a rollout: training's one place that sees an answer. Pure functions, called by the agent loop."""

import re
import string
from collections import Counter
from collections.abc import Callable

from eapo_verl.method.grammar import extract_answer

#: Answers are integers of at most three digits (AIME); more is wrong, and not worth converting.
_MAX_DIGITS = 12
_PUNCTUATION = str.maketrans("", "", string.punctuation)
#: What the paper gives a boxed answer that shares no token with the gold one.
_FORMAT_CREDIT = 0.1


def as_integer(text: str | None) -> int | None:
    """The integer that ``text`` states (sign, leading zeros and thousands separators allowed), else None."""
    if text is None:
        return None
    digits = text.strip().strip("$").replace(",", "").strip()
    body = digits[1:] if digits[:1] in "+-" else digits
    if not body.isascii() or not body.isdigit() or len(body) > _MAX_DIGITS:
        return None
    return int(digits)


def exact(response: str, answer: str) -> float:
    """1.0 where the boxed answer of ``response`` equals the integer ``answer``, else 0.0.

    Not the paper's reward (token F1 with a format credit, see :func:`f1_paper`): F1 gives '5' against '-5' full marks.
    """
    stated = as_integer(extract_answer(response))
    return float(stated is not None and stated == as_integer(answer))


def token_f1(prediction: str, answer: str) -> float:
    """F1 = 2PR / (P + R) over the bags of tokens of ``prediction`` and ``answer``, in [0, 1]; 0 where none is shared.

    SQuAD's (Rajpurkar et al. 2016): in lower case, without punctuation, without a, an and the, split at white space.
    """
    predicted, gold = _tokens(prediction), _tokens(answer)
    shared = (Counter(predicted) & Counter(gold)).total()
    # With P = shared / predicted and R = shared / gold, 2PR / (P + R) is this.
    return 2 * shared / (len(predicted) + len(gold)) if shared else 0.0


def _tokens(text: str) -> list[str]:
    return re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(_PUNCTUATION)).split()


def f1_paper(response: str, answer: str) -> float:
    """The paper's reward: R = F1(y, g) if F1 > 0; 0.1 if F1 = 0 but the format is right; else 0.

    y is the last boxed answer of ``response`` (any closed box is the right format), g is ``answer``. Kept with its
    faults, which is why it is one reward among others and never the evaluation: the sign is punctuation ('5' against
    '-5' earns 1.0), naming several numbers pays ('3 5 7' against '5' earns 0.5), leading zeros do not match ('034'
    against '34' earns 0.1), and any wrong box earns 0.1.
    """
    stated = extract_answer(response)
    if stated is None:
        return 0.0
    return token_f1(stated, answer) or _FORMAT_CREDIT


#: Every reward by its name in an experiment, as a function of (response, gold answer).
REWARDS: dict[str, Callable[[str, str], float]] = {"exact": exact, "f1_paper": f1_paper}


def score(own: str, answer: str, reward: str) -> dict[str, float]:
    """What a rollout's last turn is worth.

    Args:
        own: the policy's own words after the last reply. An answer that an expert gave and the policy did not repeat
            earns nothing.
        answer: the gold answer.
        reward: the name of the reward that is optimised, one of ``REWARDS``.

    Returns:
        ``score``, the reward that is optimised; ``acc``, 1.0 for a right answer, whatever the reward; ``answered``, 1.0
        for a boxed integer; ``format``, 1.0 for a box.
    """
    stated = extract_answer(own)
    return {
        "score": REWARDS[reward](own, answer),
        "acc": exact(own, answer),
        "answered": float(as_integer(stated) is not None),
        "format": float(stated is not None),
    }
