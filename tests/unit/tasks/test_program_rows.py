"""Rows of public sets of programming problems."""

import json
from typing import Any

import pytest

from tasks import task
from tasks.sandbox import Judge

PYTHON = task("python")
HUMANEVAL = {
    "task_id": "HumanEval/900",
    "prompt": 'from math import sqrt\n\n\ndef half(x: int) -> float:\n    """ Half of x.\n    """\n',
    "entry_point": "half",
    "canonical_solution": "    return x / 2\n",
    "test": "\n\nMETADATA = {}\n\n\ndef check(candidate):\n    assert candidate(3) == 1.5\n    assert sqrt(4) == 2\n",
}
MBPP = {
    "task_id": 900,
    "text": "Write a function to double a number.",
    "code": "def double(x):\r\n  return 2 * x",
    "test_list": ["assert double(2) == 4", "assert double(-1) == -2", "assert set([double(0)]) == {0}"],
    "test_setup_code": "",
    "challenge_test_list": [],
}
SANITIZED = {key: value for key, value in MBPP.items() if key not in ("text", "test_setup_code")} | {
    "prompt": MBPP["text"],
    "source_file": "x",
    "test_imports": ["import math"],
    "test_list": ["assert math.isclose(double(0.5), 1.0)"],
}
# As the hub has MBPP+: with tests that are not those that the prompt shows.
PLUS = SANITIZED | {
    "test": "import numpy as np\n\ninputs = [[1], [2.5]]\nresults = [2, 5.0]\n"
    "for i, (inp, exp) in enumerate(zip(inputs, results)):\n    assert np.allclose(double(*inp), exp)\n",
}


@pytest.mark.parametrize("row", [HUMANEVAL, MBPP, SANITIZED, PLUS])
def test_a_row_s_own_solution_passes_and_another_does_not(row: dict[str, Any], sandbox: Judge) -> None:
    found = PYTHON.row(row)
    assert PYTHON.grade(found["right_response"], found["answer"]).outcome == "passed"
    wrong = found["right_response"].replace("2", "3")
    assert PYTHON.grade(wrong, found["answer"]).outcome == "failed"
    assert found["id"] == str(row["task_id"])


@pytest.mark.parametrize("wrong", ["[]", "[2 * x]", "numpy.array([])"])
@pytest.mark.parametrize(
    "changes",
    [
        {"test": "import numpy as np\nassert np.allclose(double(2.5), 5.0, rtol=1e-07, atol=1e-06)\n"},
        {"test_imports": ["from numpy import allclose"], "test": "assert allclose(b=double(2.5), a=5.0)\n"},
        {"test": "from __future__ import division\nfrom numpy.testing import *\nassert_allclose(double(2.5), 5.0)\n"},
    ],
)
def test_what_numpy_would_stretch_is_not_close(changes: dict[str, Any], wrong: str, sandbox: Judge) -> None:
    found = PYTHON.row(PLUS | {"test_imports": []} | changes)
    assert PYTHON.grade(found["right_response"], found["answer"]).correct
    program = f"```python\nimport numpy\ndef double(x):\n    return {wrong}\n```"
    assert PYTHON.grade(program, found["answer"]).outcome == "failed"


def test_a_signature_is_the_problem_and_stands_before_the_program(sandbox: Judge) -> None:
    found = PYTHON.row(HUMANEVAL)
    assert found["problem"] == HUMANEVAL["prompt"]
    for response in ("    return x / 2\n\nprint(half(3))", "```python\ndef half(x):\n    return sqrt(x * x) / 2\n```"):
        assert PYTHON.grade(response, found["answer"]).outcome == "passed"


def test_tests_name_the_functions_that_are_asked_for() -> None:
    def functions(row: dict[str, Any]) -> list[str]:
        found: list[str] = json.loads(PYTHON.row(row)["answer"])["functions"]
        return found

    assert functions(MBPP) == functions(MBPP | {"code": None}) == ["double"]
    two = {"code": "def first(x): pass\ndef sum(x): pass", "test_list": ["assert sum(first(1)) == len(first(2))"]}
    assert functions(MBPP | two) == ["sum", "first"]


def test_the_prompt_shows_the_tests() -> None:
    assert "assert double(-1) == -2" in PYTHON.prompt(PYTHON.row(MBPP))
    assert "np.allclose" not in PYTHON.prompt(PYTHON.row(PLUS))


def test_any_other_row_is_left_as_it_is() -> None:
    row = {"problem": "p", "answer": "{}", "solution": "x"}
    assert PYTHON.row(row) == row and task("integers").row(HUMANEVAL) == HUMANEVAL


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"entry_point": "f", "prompt": "p", "plus_input": []}, "inputs without tests"),
        ({"entry_point": "f", "prompt": "p"}, "'test' is missing"),
        ({"entry_point": None, "prompt": "p", "test": "t"}, "'entry_point' is missing"),
        (MBPP | {"test_list": []}, "'test_list' is empty"),
        (MBPP | {"test_list": [3]}, "must be a list of texts"),
        (MBPP | {"test_list": ["assert ("]}, "'test_list' is no Python"),
        (MBPP | {"test_list": ["assert len([]) == 0"]}, "calls no function"),
        (MBPP | {"code": "def other(): pass"}, "calls no function"),
        (MBPP | {"text": 3}, "'text' is '3'"),
        (HUMANEVAL | {"prompt": "def half(x:"}, r"'prompt' is no Python \('\(' was never closed, line 1\)"),
        (HUMANEVAL | {"test": "x = 1\nreturn x"}, r"'test' is no Python \('return' outside function, line 2\)"),
        (PLUS | {"test": "assert ("}, "'test' is no Python"),
        (HUMANEVAL | {"entry_point": "a half"}, "'entry_point' is 'a half'; it must be the name of a function"),
        (
            {"problem": "p", "unit_tests": "t"},
            "no column for tests; found: problem, unit_tests; allowed: answer, or",
        ),
    ],
)
def test_what_is_wrong_with_a_row_is_said_in_one_line(row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        PYTHON.row(row)
    assert "\n" not in str(refused.value)
