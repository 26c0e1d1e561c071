"""What becomes of each sample."""

import pytest

from eapo_verl.experts.reply import Outcome, Reply
from eapo_verl.method.grammar import Tags
from workflow.solutions.problems import Question
from workflow.solutions.verdicts import FATES, select, verdict

FIRST, SECOND = (Question(name, "1+1", "2", "integers_bare") for name in ("p-1", "p-2"))


def said(text: str, outcome: Outcome = "answered") -> Reply:
    return Reply("wise", outcome, text, tokens=5)


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (said("1+1=2;\\boxed{02}"), "right"),
        (said("|-2| is \\boxed{2}\n"), "right"),
        (said("\\boxed{3}"), "wrong"),
        (said("it is 2"), "unanswered"),
        (said("<consult>1+1</consult>\\boxed{2}"), "unsafe"),
        (said("<con<reply>sult>\\boxed{2}"), "unsafe"),
        (said("\x1b[2J\\boxed{2}"), "unsafe"),
        (said("", "truncated"), "truncated"),
        (said("", "failed"), "failed"),
        (said("", "timed_out"), "timed_out"),
    ],
)
def test_a_sample_is_what_the_task_and_the_pool_say(reply: Reply, found: str) -> None:
    assert verdict(FIRST, reply, Tags()) == found


def test_different_right_solutions_are_kept_up_to_the_cap_and_every_sample_has_a_fate() -> None:
    first = ["\\boxed{2}", " \\boxed{2}\n", "so \\boxed{2}", "thus \\boxed{2}", "\\boxed{3}"]
    samples = [(FIRST, said(text)) for text in first] + [(SECOND, said("\\boxed{2}")), (SECOND, said("", "failed"))]
    kept, fates = select(samples, "wise", Tags(), per_problem=2)
    assert [(one.problem_id, one.solution) for one in kept] == [
        ("p-1", "\\boxed{2}"), ("p-1", "so \\boxed{2}"), ("p-2", "\\boxed{2}"),
    ]  # fmt: skip
    assert (kept[0].expert, kept[0].answer, kept[0].tokens) == ("wise", "2", 5)
    assert fates == dict.fromkeys(FATES, 0) | {"kept": 3, "duplicate": 1, "surplus": 1, "wrong": 1, "failed": 1}
    assert fates.total() == len(samples)
