"""Which of several responses speaks for all."""

from collections import Counter
from collections.abc import Sequence

from baselines.procedure import Turn
from tasks import Task


def elected(responses: Sequence[Turn], task: Task) -> Turn:
    """The first of ``responses`` that states the answer that most of them state.

    An answer is what the task extracts, by which responses are graded, too. A response that states none has no vote;
    where none does, the first response stands. Of answers with as many votes the one that was stated first wins:
    responses are alike in distribution, so that their order favours none.
    """
    answers = [task.extract(response.text) for response in responses]
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return responses[0]
    # A Counter keeps the order in which answers came, and max() the first of equals.
    return responses[answers.index(max(votes, key=votes.__getitem__))]
