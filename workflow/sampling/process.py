"""What lm-eval does with the k responses of a question.

lm-eval loads this file by its path, so it imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Sequence


def process_results(doc: dict[str, str], results: Sequence[Sequence[str]]) -> dict[str, float]:
    """Share of distinct responses among the k responses ``results[0]`` of one question, in (0, 1].

    Right and wrong are decided later, by the grading stage, from the stored responses: a change of the answer
    checker must not need an engine. What must be seen at once is whether the k samples are k draws: a backend
    that repeats one seed gives 1/k here.
    """
    responses = results[0]
    return {"distinct": len(set(responses)) / len(responses)}
