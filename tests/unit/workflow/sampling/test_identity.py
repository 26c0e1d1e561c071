"""Which changes make other samples, so that none that is there may be taken over, and which do not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eapo_verl.record.contents import model_digest
from workflow.sampling.identity import digest, identity
from workflow.sampling.questions import Benchmark, Question
from workflow.sampling.request import Request

REQUEST = Request(Path("model"), 4, 0.6, 0.95, 64, 128, 1)
BENCHMARK = Benchmark("mine", Path("a.jsonl"), (Question("q", "1+1", "2"), Question("r", "2+2", "4")))


def identified(request: Request = REQUEST, model: str = "0", benchmark: Benchmark = BENCHMARK) -> str:
    return digest(identity(request, model, benchmark))


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.7},
        {"top_p": 0.9},
        {"max_tokens": 63},
        {"seed": 2},
        {"banned": ("<consult>",)},
        {"system_prompt": "Be brief."},
        {"dtype": "bfloat16"},
        {"stop": ("\n",)},
        {"chat_template_kwargs": {"enable_thinking": False}},
    ],
)
def test_what_determines_a_sample_changes_the_digest(change: dict[str, Any]) -> None:
    assert identified(replace(REQUEST, **change)) != identified()


@pytest.mark.parametrize(
    "benchmark",
    [
        replace(BENCHMARK, name="other"),
        replace(BENCHMARK, questions=BENCHMARK.questions[:1]),
        replace(BENCHMARK, questions=(Question("q", "Add: 1+1", "2"), BENCHMARK.questions[1])),
        replace(BENCHMARK, questions=(Question("p", "1+1", "2"), BENCHMARK.questions[1])),
    ],
)
def test_another_prompt_is_another_identity(benchmark: Benchmark) -> None:
    assert identified(benchmark=benchmark) != identified()


def test_what_is_there_from_before_there_were_stop_strings_and_arguments_of_templates_is_taken_over() -> None:
    content = identity(REQUEST, "0", BENCHMARK)
    assert "chat_template_kwargs" not in content and "stop" not in content["sampling"]


def test_another_model_is_another_identity() -> None:
    assert identified(model="1") != identified()


@pytest.mark.parametrize(
    "change",
    [
        {"max_model_len": 256},
        {"tensor_parallel": 2},
        {"gpu_memory_utilization": 0.5},
        {"samples": 8},
        {"model": Path("elsewhere")},
    ],
)
def test_what_changes_no_sample_is_not_in_it(change: dict[str, Any]) -> None:
    assert identified(replace(REQUEST, **change)) == identified()


def test_where_problems_lie_in_which_order_and_what_the_answer_is_does_not_count() -> None:
    corrected = tuple(replace(question, answer="5") for question in reversed(BENCHMARK.questions))
    assert identified(benchmark=replace(BENCHMARK, path=Path("b.jsonl"), questions=corrected)) == identified()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    return tmp_path / "model"


@pytest.mark.parametrize(("name", "content"), [("model.safetensors", b"weightz"), ("added.json", b"")])
def test_every_file_of_the_model_counts(model: Path, name: str, content: bytes) -> None:
    before = model_digest(model)
    (model / name).write_bytes(content)
    assert model_digest(model) != before


def test_a_copy_of_the_model_that_was_touched_is_the_same_model(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "copy")
    for path in (tmp_path / "copy").iterdir():
        path.touch()
    assert model_digest(tmp_path / "copy") == model_digest(model)
