"""Finding a task, and what every task keeps to."""

import ast
import sys
from pathlib import Path

import pytest

import tasks

PROBLEM = {"id": "q", "problem": "What is {1 + 1}?", "answer": "2"}


@pytest.mark.parametrize("name", tasks.names())
def test_a_task_is_found_by_its_name(name: str) -> None:
    found = tasks.task(name)
    assert found.name == name == tasks.name_of(PROBLEM | {"task": name})
    assert found.prompt(PROBLEM).startswith(PROBLEM["problem"])


@pytest.mark.parametrize("name", tasks.names())
def test_an_empty_response_states_no_answer(name: str) -> None:
    assert tasks.task(name).extract("") is None


@pytest.mark.parametrize("name", ["integers", "integers_bare"])
def test_a_response_without_an_answer_is_unanswered_and_earns_nothing(name: str) -> None:
    found = tasks.task(name)
    assert found.grade("", "2") == tasks.Grade(None, False, True) and found.reward("", "2") == 0.0


def test_prompts() -> None:
    asked = "What is {1 + 1}?\n\nPlease reason step by step, and put your final answer within \\boxed{}."
    assert tasks.task("integers").prompt(PROBLEM) == asked
    assert tasks.task("integers_bare").prompt(PROBLEM) == "What is {1 + 1}?"


@pytest.mark.parametrize("name", ["integers", "integers_bare", "numbers", "short_text", "choice", "roles"])
def test_a_problem_may_have_an_instruction_of_its_own(name: str) -> None:
    assert tasks.task(name).prompt(PROBLEM | {"instruction": "Be brief."}) == "What is {1 + 1}?\n\nBe brief."


def test_a_problem_that_names_no_task_is_of_the_default() -> None:
    assert tasks.name_of(PROBLEM) == tasks.DEFAULT == "integers"


@pytest.mark.parametrize("name", ["poetry", None, 3, ["integers"]])
def test_an_unknown_task_is_refused_with_those_that_there_are(name: object) -> None:
    with pytest.raises(ValueError, match="is not known; allowed are integers, integers_bare"):
        tasks.name_of(PROBLEM | {"task": name})


def test_tasks_stand_alone() -> None:
    """Grading has to run anywhere: no engine, no package but Python's own, nothing else of this project."""
    modules = sorted(Path(tasks.__file__).parent.rglob("*.py"))
    imported = {
        name.split(".")[0]
        for module in modules
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported <= {"tasks"} | sys.stdlib_module_names
