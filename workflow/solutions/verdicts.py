"""What becomes of each sample that an expert is asked for. Pure functions.

    asked = kept + duplicate + surplus + wrong + unanswered + unsafe + truncated + failed + timed_out

The first three are right. **duplicate**: the same text as an earlier one of the problem; **surplus**: beyond what is
kept of a problem; **unsafe**: it holds a tag of the grammar or a control character, which a policy must not learn to
write; **unanswered**: it states no answer. The others are :data:`eapo_verl.experts.reply.Outcome`.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import tasks
from eapo_verl.experts.reply import Reply
from eapo_verl.method.grammar import Tags, neutralise
from eapo_verl.record.solutions import Solution
from workflow.solutions.problems import Question

Verdict = Literal["right", "wrong", "unanswered", "unsafe", "truncated", "failed", "timed_out"]
#: In the order of the equation above.
FATES = ("kept", "duplicate", "surplus", "wrong", "unanswered", "unsafe", "truncated", "failed", "timed_out")

# As a separator of slots, a bar would be one; in a solution it may stand in a formula. This one stands in no text.
_NO_SEPARATOR = "\0"


def verdict(question: Question, reply: Reply, tags: Tags) -> Verdict:
    """What one sample is; its text is graded as the policy's own would be."""
    if reply.outcome != "answered":
        return reply.outcome
    if neutralise(reply.text, tags.markup, _NO_SEPARATOR, len(reply.text)).removed:
        return "unsafe"
    grade = tasks.task(question.task).grade(reply.text, question.answer)
    if grade.unanswered:
        return "unanswered"
    return "right" if grade.correct else "wrong"


def select(
    samples: Iterable[tuple[Question, Reply]], expert: str, tags: Tags, per_problem: int
) -> tuple[list[Solution], Counter[str]]:
    """The solutions to keep, at most ``per_problem`` different ones of each problem, and how many had each fate.

    Args:
        samples: in the order of the problems, and of a problem in the order of their numbers.
        expert: who wrote them.
        tags: that none may hold.
        per_problem: see above.
    """
    kept: dict[str, dict[str, Solution]] = {}
    fates: Counter[str] = Counter(dict.fromkeys(FATES, 0))
    for question, reply in samples:
        found = verdict(question, reply, tags)
        if found != "right":
            fates[found] += 1
            continue
        own, text = kept.setdefault(question.id, {}), reply.text.strip()
        if text in own:
            fates["duplicate"] += 1
        elif len(own) == per_problem:
            fates["surplus"] += 1
        else:
            fates["kept"] += 1
            own[text] = Solution(question.id, expert, text, question.answer, reply.tokens)
    return [one for own in kept.values() for one in own.values()], fates
