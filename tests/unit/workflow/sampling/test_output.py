"""Sample files, and what lm-eval counts about the samples."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.sampling.output import Row, provenance, write_rows
from workflow.sampling.process import process_results
from workflow.sampling.questions import Benchmark, Question


@given(responses=st.lists(st.text(), max_size=5))
def test_any_response_survives_the_sample_file(tmp_path_factory: pytest.TempPathFactory, responses: list[str]) -> None:
    path = tmp_path_factory.mktemp("samples") / "a.jsonl"
    rows = [Row("q", number, text, len(text), "stop") for number, text in enumerate(responses)]
    write_rows(path, rows)
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [Row(**json.loads(line)) for line in lines[:-1]] == rows
    assert lines[-1] == ""


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_rows(path, [Row("q", 0, "\ud800", 1, "stop")])
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_distinct_is_the_share_of_different_responses() -> None:
    assert process_results({}, [["a", "b", "a", "a"]]) == {"distinct": 0.5}
    assert process_results({}, [["a"]]) == {"distinct": 1.0}


def test_provenance_counts_what_is_in_the_samples() -> None:
    benchmark = Benchmark("mine", Path("mine.jsonl"), tuple(Question(name, "1+1", "2") for name in "ab"))
    texts = {"a": ["x", "x", "y<t>", "x"], "b": ["1", "2", "3", "4"]}
    rows = [
        Row(question, number, text, 2, "length" if text == "x" else "stop")
        for question, responses in texts.items()
        for number, text in enumerate(responses)
    ]
    rows[3] = replace(rows[3], expert_tokens=7, expert_prompt_tokens=11, expert_requests=3, expert_failures=2)
    rows[4] = replace(rows[4], expert_tokens=1, expert_prompt_tokens=2, expert_requests=1)
    replies = {"answered": 1, "failed": 2}
    content = provenance(Path("m"), benchmark, {"model_sha256": "0"}, {"startup_s": 1.0}, ["<t>"], rows, replies)
    assert content["model_sha256"] == "0" and content["startup_s"] == 1.0
    assert (content["questions"], content["samples"], content["output_tokens"]) == (2, 4, 16)
    assert (content["truncated"], content["responses_with_banned_text"]) == (3, 1)
    assert [content[f"expert_{name}"] for name in ("tokens", "prompt_tokens", "requests", "failures")] == [8, 13, 4, 2]
    assert content["expert_replies"] == replies and content["samples_with_expert_failures"] == 1
    # Two of four responses to a repeat another one, none of those to b does.
    assert content["duplicate_rate"] == 0.25
