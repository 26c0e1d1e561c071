"""Which training problems an expert is asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from workflow.command import BadInput
from workflow.solutions.problems import Question, choose, read_questions


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


PROBLEM = {"id": "p", "problem": "1+1", "answer": "02", "task": "integers_bare", "difficulty": 0, "solution": "secret"}


def test_an_expert_is_asked_as_the_task_asks_and_sees_nothing_else(tmp_path: Path) -> None:
    (question,) = read_questions(write(tmp_path / "train.jsonl", PROBLEM))
    assert question == Question("p", "1+1", "2", "integers_bare", 0)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"task": "poems"}, "train.jsonl:2: is no problem: task 'poems' is not known"),
        ({"answer": "x"}, "train.jsonl:2: is no problem: answer 'x' is not an integer"),
        ({"id": "p"}, "train.jsonl:2: id 'p' was used before"),
    ],
)
def test_a_faulty_problem_is_named(row: dict[str, str], said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", PROBLEM, PROBLEM | {"id": "q"} | row)
    with pytest.raises(BadInput) as caught:
        read_questions(path)
    assert said in str(caught.value)


def test_more_problems_are_asked_beside_the_first_ones_in_the_files_order() -> None:
    questions = [Question(f"p-{number}", "1", "1", "integers_bare") for number in range(50)]
    few, many = choose(questions, 10, seed=1), choose(questions, 30, seed=1)
    assert len(few) == 10 and len(many) == 30 and set(few) < set(many)
    assert many == [question for question in questions if question in many]
    assert few != choose(questions, 10, seed=2) and few != questions[:10]
    assert choose(questions, 99, seed=1) == questions
