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


def test_of_programs_the_outcome_is_told_beside_other_tasks() -> None:
    try:
        judge().require()
    except tasks.CannotGrade as error:
        pytest.skip(str(error))
    with Grader() as grader:
        grades = grader.grade(SAMPLES, {"a": RIGHT, "b": Reference("25", "integers")})
    assert list(grades["correct"]) == [True, True, False, False]
    assert list(grades["verify_correct"]) == [True, True, False, True]
    assert [one if isinstance(one, str) else None for one in grades[OUTCOME]] == ["passed", None, None, None]


def test_without_such_a_task_there_is_no_such_column() -> None:
    with Grader() as grader:
        grades = grader.grade(SAMPLES, dict.fromkeys("ab", Reference("25", "integers")))
    assert OUTCOME not in grades


def test_where_no_program_can_be_run_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.sandbox.box.bubblewrap", lambda: "/nowhere/bwrap")
    monkeypatch.setattr("tasks.python.judge", tasks.sandbox.Judge)
    with Grader() as grader, pytest.raises(InputError, match="bubblewrap"):
        # None whose verdict is known already.
        grader.grade(SAMPLES.assign(response="def f(x): return 3"), dict.fromkeys("ab", RIGHT))
