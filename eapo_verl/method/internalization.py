"""Internalization: what a rollout found out with an expert's help, as a training sample that holds no consultation.

The summary of the paper names an internalization loss without a formula; this form is ours. A rollout whose accepted
consultation led to a right answer gives one extra sample, its prompt and the solution that :func:`rewrite` returns. Its
advantage is that of the rollout's answer (without bonus and cost: it consults nobody) times the weight of
:func:`sample_weights`.

The mean of the loss is over real rollouts (their tokens, or with a sequence-wise mean their number) whether there are
extra samples or not, so that lambda is a clean weight:

    L = (sum over real rollouts of l + lambda_s * sum over extra samples of l) / (real rollouts' tokens, or number)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from eapo_verl.method.grammar import Tags
from tasks.boxes import boxed_answer

Target = Literal["continuation", "expert_reply"]


@dataclass(frozen=True)
class TurnText:
    """One turn of a rollout.

    Attributes:
        policy: what the policy wrote, its tags included.
        accepted: the accepted replies that it was then shown, as it was shown them; the others leave nothing here.
    """

    policy: str
    accepted: tuple[str, ...] = ()


def rewrite(turns: Sequence[TurnText], target: Target = "continuation", tags: Tags | None = None) -> str | None:
    """The solution without the consultation, or None where there is none to learn from.

    ``continuation`` is what the policy wrote outside its consultations, before, between and after them, joined as
    written. ``expert_reply`` is the accepted replies, one a line, and then the policy's boxed answer unless it is what
    they state in a box themselves.

    Returns:
        None where no reply was accepted, nothing is left, or what is left still holds a tag (an unclosed consultation).

    Raises:
        ValueError: ``target`` is neither of the two.
    """
    if target not in get_args(Target):
        raise ValueError(f"an internalization target is one of {', '.join(get_args(Target))}, got {target!r}")
    tags = tags or Tags()
    replies = [reply.strip() for turn in turns for reply in turn.accepted if reply.strip()]
    if not replies:
        return None
    if target == "continuation":
        text = "".join(_outside_consultations(turn.policy, tags) for turn in turns).strip()
    else:
        text = _with_answer("\n".join(replies), boxed_answer(turns[-1].policy))
    return text if text and not any(tag in text for tag in tags.markup) else None


def _outside_consultations(text: str, tags: Tags) -> str:
    *closed, rest = text.split(tags.consult_close)
    kept = []
    for part in closed:
        before, opening, _ = part.partition(tags.consult_open)
        # A closing tag that closes nothing is kept, and so refuses the sample.
        kept.append(before if opening else part + tags.consult_close)
    return "".join([*kept, rest])


def _with_answer(replies: str, answer: str | None) -> str:
    stated = boxed_answer(replies)
    if answer is None or (stated is not None and stated.strip() == answer.strip()):
        return replies
    return f"{replies}\n\\boxed{{{answer}}}"


def sample_weights(advantages: Sequence[float], right: Sequence[bool], weight: float) -> list[float]:
    """What the advantage of each extra sample is multiplied with; where that is 0, there is nothing to learn from.

    ``weight`` (lambda_s, see :class:`~eapo_verl.method.schedules.Weight`) for a right rollout of positive advantage,
    else 0: a solution that the policy did not write in this form is never pushed down.

    Raises:
        ValueError: the weight is negative or not finite, or there are not as many advantages as rollouts.
    """
    if not 0.0 <= weight < math.inf:
        raise ValueError(f"an internalization weight is at least 0 and finite, got {weight}")
    pairs = zip(advantages, right, strict=True)
    return [weight if is_right and advantage > 0.0 else 0.0 for advantage, is_right in pairs]
