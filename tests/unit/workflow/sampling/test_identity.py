"""Which changes of a request make other samples, so that none of an interrupted run may be taken over."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workflow.sampling.identity import digest, identity, model_digest
from workflow.sampling.request import Benchmark, Problem, Request


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"weights")
    benchmark = Benchmark("chains_a", Path("a.jsonl"), "0" * 64, (Problem("q", "1", "1"),))
    return Request(model, (benchmark,), tmp_path / "out", 4, 0.6, 0.95, 64, 128, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"samples": 5},
        {"temperature": 0.7},
        {"top_p": 0.9},
        {"max_tokens": 63},
        {"max_model_len": 127},
        {"seed": 2},
        {"banned": ("<consult>",)},
        {"instruction": "Answer."},
        {"dtype": "bfloat16"},
        {"tensor_parallel": 2},
        {"benchmarks": (Benchmark("chains_b", Path("a.jsonl"), "0" * 64, (Problem("q", "1", "1"),)),)},
        {"benchmarks": (Benchmark("chains_a", Path("a.jsonl"), "1" * 64, (Problem("q", "2", "1"),)),)},
    ],
)
def test_what_determines_samples_changes_the_digest(request_: Request, change: dict[str, Any]) -> None:
    assert digest(identity(replace(request_, **change))) != digest(identity(request_))


def test_where_files_lie_and_what_memory_is_used_does_not(request_: Request, tmp_path: Path) -> None:
    shutil.copytree(request_.model, tmp_path / "copy")
    moved = replace(request_, model=tmp_path / "copy", out_dir=tmp_path / "other", gpu_memory_utilization=0.5)
    assert identity(moved) == identity(request_)


@pytest.mark.parametrize(("name", "content"), [("model.safetensors", b"weightz"), ("added.json", b"")])
def test_every_file_of_the_model_counts(request_: Request, name: str, content: bytes) -> None:
    before = model_digest(request_.model)
    (request_.model / name).write_bytes(content)
    assert model_digest(request_.model) != before
