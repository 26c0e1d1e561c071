"""Reference answers, as the task of their problem has them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import tasks
from analysis import InputError
from analysis.intake.cells import Cell
from analysis.intake.grades import read_grades
from analysis.intake.lm_eval_log import read_log
from analysis.intake.samples import CONSTANT, Grader, Reference, read_answers
from analysis.statistics.scores import complete, majority, score
from analysis.tables.main import main_table
from analysis.tables.shown import main_rows
from tasks.base import Task
from tasks.boxes import boxed_answer


class Colours(Task):
    """Problems whose answer is a word."""

    name = "colours"

    def prompt(self, problem: Any) -> str:
        return str(problem["problem"])

    def extract(self, response: str) -> str | None:
        return boxed_answer(response)

    def normalise(self, answer: str) -> str:
        return answer.strip().lower()


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_answers_are_in_the_normal_form_of_their_task(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "set.jsonl",
        {"id": "a", "answer": "025"},
        {"id": "b", "answer": "7.0", "task": "integers_bare"},
    )
    assert read_answers(path) == {"a": Reference("25", "integers"), "b": Reference("7", "integers_bare")}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"answer": "10x - 4y - 5z - 20 = 0"}, ":1: answer '10x - 4y - 5z - 20 = 0' is not an integer of at most 18"),
        ({"answer": "7", "task": "poetry"}, ":1: task 'poetry' is not known; allowed are integers"),
    ],
)
def test_what_its_task_does_not_allow_is_refused(tmp_path: Path, row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_answers(lines(tmp_path / "set.jsonl", {"id": "a"} | row))


def test_the_target_of_a_log_is_read_as_strictly(tmp_path: Path) -> None:
    row = {"doc_id": 0, "doc": {"id": "a"}, "target": " 025 ", "resps": [["\\boxed{25}"]]}
    assert read_log(lines(tmp_path / "samples_x_2026.jsonl", row))[1] == {"a": Reference("25", "integers")}
    with pytest.raises(InputError, match=r":1: answer '\\\\boxed\{25\}' is not an integer"):
        read_log(lines(tmp_path / "samples_x_2026.jsonl", row | {"target": "\\boxed{25}"}))


def test_samples_are_graded_by_their_problems_task() -> None:
    responses = ["\\boxed{25} as asked within \\boxed{}", "\\boxed{25 \\text{ when } n=3}", "25"]
    samples = pd.DataFrame(
        {"question_id": "a", "sample": range(3), "response": responses, "n_tokens": 1, "finish_reason": "stop"}
    )
    with Grader() as grader:
        graded = grader.grade(samples, {"a": Reference("25", "integers")})
    assert list(graded["correct"]) == [True, False, False]
    assert list(graded["unanswered"]) == [False, False, True]


def test_what_a_constant_answer_would_get_is_noted_by_what_is_said_without_reading(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "answer": "Ann is a knight, Ben is a knave", "task": "roles", "blind": "honest, liar"},
        {"id": "b", "answer": "Eve is a saint, Kim is a sinner", "task": "roles", "blind": "honest, liar"},
        {"id": "c", "answer": "yes", "task": "short_text"},
    ]
    answers = read_answers(lines(tmp_path / "set.jsonl", *rows))
    samples = pd.DataFrame(
        {"question_id": list("aabbcc"), "sample": [0, 1] * 3, "response": "", "n_tokens": 1, "finish_reason": "stop"}
    )
    with Grader() as grader:
        graded = grader.grade(samples, answers)
        (first, *_) = grader.grade(samples, {name: Reference(f"dr {name}", "short_text") for name in "abc"})[CONSTANT]
    assert list(graded[CONSTANT]) == [True] * 4 + [False] * 2 and first
    scored = score(Cell("base", 0, "set"), graded)
    assert list(scored[CONSTANT]) == [1.0, 1.0, 0.0]
    made = main_table(complete(scored, "made"), majority(Cell("base", 0, "set"), graded, 2), 2)
    assert [row["constant answer"] for row in main_rows(made)] == ["66.7"]


def test_grades_from_before_are_read_and_leave_open_what_a_constant_answer_gets(tmp_path: Path) -> None:
    samples = pd.DataFrame(
        {"question_id": "a", "sample": [0, 1], "response": "", "n_tokens": 1, "finish_reason": "stop"}
    )
    with Grader() as grader:
        graded = grader.grade(samples, {"a": Reference("7", "integers")})
    graded.drop(columns=CONSTANT).to_parquet(tmp_path / "a.parquet")
    grades, cell = read_grades(tmp_path / "a.parquet"), Cell("base", 0, "set")
    assert grades[CONSTANT].isna().all()
    made = main_table(complete(score(cell, grades), "made"), majority(cell, grades, 2), 2)
    assert made[CONSTANT].isna().all() and "constant answer" not in main_rows(made)[0]


def test_an_answer_that_is_no_integer_has_the_verdict_of_its_task_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tasks._TASKS, "colours", Colours())
    samples = pd.DataFrame(
        {
            "question_id": "a",
            "sample": range(3),
            "response": ["\\boxed{red}", "\\boxed{blue}", "\\boxed{25}"],
            "n_tokens": 1,
            "finish_reason": "stop",
        }
    )
    with Grader() as grader:
        graded = grader.grade(samples, {"a": Reference("red", "colours")})
    assert list(graded["correct"]) == list(graded["verify_correct"]) == [True, False, False]
