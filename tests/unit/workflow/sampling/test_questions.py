"""Benchmarks as sampling reads them: the prompt is the task's, and a bad file is named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tasks
from workflow.sampling.questions import read_benchmark
from workflow.sampling.request import SamplingError

LINE = '{"id": "q1", "problem": "1+1", "answer": "2"}\n'


@pytest.mark.parametrize("task", tasks.names())
def test_the_prompt_is_the_one_that_the_task_trains_on(tmp_path: Path, task: str) -> None:
    problem = {"id": "q", "problem": "Find {{x}} {% if y %} \\frac{1}{2}.", "answer": "1", "task": task}
    (tmp_path / "a.jsonl").write_text(json.dumps(problem))
    (question,) = read_benchmark(f"any_name={tmp_path / 'a.jsonl'}").questions
    assert question.prompt == tasks.task(task).prompt(problem)


def test_a_problem_without_a_task_asks_for_an_integer(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(LINE)
    (question,) = read_benchmark(f"mine={tmp_path / 'a.jsonl'}").questions
    assert question.prompt == tasks.task("integers").prompt({"problem": "1+1"})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (LINE + "{", ":2: not JSON"),
        (LINE + "[1]", ":2: a list; each line must be one JSON object"),
        (LINE + LINE, ":2: id 'q1' was used before; ids must be unique"),
        ('{"id": 3, "problem": "1", "answer": "1"}', ":1: 'id' is 3; it must be a non-empty string"),
        ('{"id": "3", "problem": "1"}', ":1: 'answer' is missing; it must be a non-empty string"),
        ('{"id": "3", "problem": " ", "answer": "1"}', ":1: 'problem' is ' '; it must be a non-empty string"),
        (LINE.replace("}", ', "task": "poems"}'), ":1: task 'poems' is not known; allowed are integers"),
        (LINE.replace("}", ', "task": 1}'), ":1: task 1 is not known; allowed are integers"),
        ("\n\n", "holds no problem; at least one line is needed"),
        (b"\xff", "is not UTF-8 text (byte 0)"),
    ],
)
def test_a_bad_problem_file_is_named_with_its_line(tmp_path: Path, content: str | bytes, says: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SamplingError) as raised:
        read_benchmark(f"my_set={path}")
    assert str(path) in str(raised.value)
    assert says in str(raised.value)


@given(texts=st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=5, unique=True))
def test_any_text_survives_the_problem_file(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("problems") / "a.jsonl"
    problem = {"answer": "1", "task": "integers_bare", "more": [1, "x"]}
    lines = [json.dumps(problem | {"id": text, "problem": text}) for text in texts]
    path.write_text("\n".join(lines))
    assert [question.prompt for question in read_benchmark(f"my_set={path}").questions] == texts
