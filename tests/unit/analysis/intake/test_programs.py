"""Grading samples whose answers are programs."""

import json

import pandas as pd
import pytest

import tasks
from analysis import InputError
from analysis.intake.samples import OUTCOME, Grader, Reference
from tasks.python import judge

RIGHT = Reference(json.dumps({"functions": ["f"], "tests": "assert f(1) == 2"}), "python")
SAMPLES = pd.DataFrame(
    {
        "question_id": ["a", "b", "a", "b"],
        "sample": [0, 0, 1, 1],
        "response": ["def f(x): return x + 1", "\\boxed{25}", "I do not know.", "25"],
        "n_tokens": 1,
        "finish_reason": "stop",
    }
)


def test_the_outcome_of_each_response_is_told() -> None:
    try:
        judge().require()
    except tasks.CannotGrade as error:
        pytest.skip(str(error))
    with Grader() as grader:
        grades = grader.grade(SAMPLES, {"a": RIGHT, "b": Reference("25", "integers")})
    assert list(grades["correct"]) == [True, True, False, False]
    assert list(grades["verify_correct"]) == [True, True, False, True]
    assert list(grades[OUTCOME]) == ["passed", "right", "unanswered", "unanswered"]


def test_where_no_program_can_be_run_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.sandbox.box.bubblewrap", lambda: "/nowhere/bwrap")
    monkeypatch.setattr("tasks.python.judge", tasks.sandbox.Judge)
    with Grader() as grader, pytest.raises(InputError, match="bubblewrap"):
        # None whose verdict is known already.
        grader.grade(SAMPLES.assign(response="def f(x): return 3"), dict.fromkeys("ab", RIGHT))
