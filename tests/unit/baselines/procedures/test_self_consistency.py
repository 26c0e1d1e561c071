"""The vote: which response speaks for all, and what becomes of ties and of responses without an answer."""

import pytest

from baselines.procedure import Turn
from baselines.procedures.vote import elected
from tasks import task
from tests.scripted_sample import ScriptedSample, shipped

INTEGERS = task("integers")


@pytest.mark.parametrize(
    ("responses", "chosen"),
    [
        ([r"\boxed{1}", r"\boxed{2}", r"\boxed{2}"], 1),
        # As the task reads them, and not as they are written.
        ([r"\boxed{7}", r"so \boxed{025}", r"\boxed{x = 25}"], 1),
        # A tie: what was stated first.
        ([r"\boxed{2}", r"\boxed{1}", r"\boxed{1}", r"\boxed{2}"], 0),
        (["?", r"\boxed{2}", r"\boxed{1}"], 1),
        # Who states no answer has no vote, in whatever majority.
        (["?", "?", "?", r"\boxed{3}"], 3),
        (["?", "!", ""], 0),
        # What is no integer is an answer all the same, by which the response is graded.
        ([r"\boxed{1/2}", r"\boxed{1/2}", r"\boxed{3}"], 0),
        ([r"\boxed{1}"], 0),
    ],
)
def test_the_first_response_with_the_majority_s_answer_stands(responses: list[str], chosen: int) -> None:
    turns = [Turn(text, cut=bool(number % 2)) for number, text in enumerate(responses)]
    assert elected(turns, INTEGERS) is turns[chosen]


def test_the_policy_answers_as_often_as_there_are_votes_and_each_is_a_draw_of_its_own() -> None:
    answers = iter([r"\boxed{4}", r"\boxed{5}", r"\boxed{5}"])
    sample = ScriptedSample(lambda turn: next(answers))
    assert sample.respond(shipped("self_consistency", votes=3)).text == r"\boxed{5}"
    assert [(turn.user, turn.begun, turn.max_tokens) for turn in sample.turns] == [(sample.prompt, "", None)] * 3
    assert sample.asked == []
