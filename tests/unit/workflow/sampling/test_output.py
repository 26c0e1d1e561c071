"""Sample files, and what lm-eval counts about the samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import benchmarks
from analysis.benchmarks.process import process_results
from workflow.sampling.output import Row, write_rows


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


def test_every_benchmark_has_a_digest_of_its_own() -> None:
    names = benchmarks.names()
    assert {"aime_2024", "aime_2025", "aimo_2025", "chains_a", "chains_b", "chains_c"} <= set(names)
    assert len({benchmarks.digest(name) for name in names}) == len(names)
