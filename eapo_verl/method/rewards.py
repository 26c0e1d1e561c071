"""Rewards of a rollout. Pure functions, called by the agent loop."""

import re
import string
from collections import Counter
from collections.abc import Callable
from typing import Any

from tasks import Task
from tasks.boxes import final_part, last_box

_PUNCTUATION = str.maketrans("", "", string.punctuation)
#: What the paper gives a boxed answer that shares no token with the gold one.
_FORMAT_CREDIT = 0.1


def exact(task: Task, response: str, answer: str) -> float:
    """The task's own reward, in [0, 1]: 1.0 where the evaluation's grade is right, unless the task says otherwise.

    Not the paper's reward (token F1 with a format credit, see :func:`f1_paper`): F1 gives '5' against '-5' full marks.

    Raises:
        ValueError: ``answer`` is none that the task allows.
    """
    return task.reward(response, answer)


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


def f1(task: Task, response: str, answer: str) -> float:
    """:func:`f1_paper` without its format credit: R = F1(y, g), and 0 without a box."""
    stated = _stated(response)
    return 0.0 if stated is None else token_f1(stated, answer)


def f1_paper(task: Task, response: str, answer: str) -> float:
    """The paper's reward: R = F1(y, g) if F1 > 0; 0.1 if F1 = 0 but the format is right; else 0.

    y is the last boxed answer of ``response`` (any closed box is the right format), g is ``answer``, whatever the
    task. Kept with its faults, which is why it is one reward among others and never the evaluation: the sign is
    punctuation ('5' against '-5' earns 1.0), naming several numbers pays ('3 5 7' against '5' earns 0.5), leading zeros
    do not match ('034' against '34' earns 0.1), and any wrong box earns 0.1.
    """
    credit = 0.0 if _stated(response) is None else _FORMAT_CREDIT
    return f1(task, response, answer) or credit


def _stated(response: str) -> str | None:
    return last_box(final_part(response))


#: Every reward by its name in an experiment, as a function of (task, response, gold answer).
REWARDS: dict[str, Callable[[Task, str, str], float]] = {"exact": exact, "f1_paper": f1_paper, "f1": f1}


def score(task: Task, own: str, answer: str, reward: str) -> dict[str, Any]:
    """What a rollout's last turn is worth.

    Args:
        task: whose problem it is.
        own: the policy's own words after the last reply. An answer that an expert gave and the policy did not repeat
            earns nothing.
        answer: the gold answer.
        reward: the name of the reward that is optimised, one of ``REWARDS``.

    Returns:
        ``score``, the reward that is optimised; ``acc``, 1.0 for an answer that the evaluation would grade as right,
        whatever the reward; ``answered``, 1.0 where it would find one; ``format``, 1.0 for a box; ``outcome``, the
        grade's word for what became of it.

    Raises:
        ValueError: ``answer`` is none that the task allows.
    """
    grade = task.grade(own, answer)
    return {
        "score": REWARDS[reward](task, own, answer),
        "acc": float(grade.correct),
        "answered": float(not grade.unanswered),
        "format": float(last_box(final_part(own)) is not None),
        "outcome": grade.outcome,
    }
