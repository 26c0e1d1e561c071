"""Precision and memory that sampling asks vLLM for on a machine without an accelerator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from transformers import LlamaConfig

from eapo_verl.cpu import precision
from workflow.sampling import cpu
from workflow.sampling.cpu import at_cpu_precision, cpu_options
from workflow.sampling.request import Request


def _request(model: Path, max_model_len: int) -> Request:
    return Request(model, 1, 1.0, 1.0, 1, max_model_len, 1)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    config = LlamaConfig(hidden_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
    config.save_pretrained(tmp_path)
    return tmp_path


def test_the_longest_prompt_is_read_in_one_step(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("VLLM_ENABLE_V1_MULTIPROCESSING", "VLLM_CPU_OMP_THREADS_BIND"):
        monkeypatch.setenv(variable, "as the user set it")
    options = cpu_options(_request(model, 2**15))
    assert options["max_num_batched_tokens"] == 2**15
    assert options["enable_chunked_prefill"] is False


@pytest.mark.parametrize(
    ("asked_for", "flags", "used"),
    [
        ("auto", "avx2 avx512f avx512_bf16", "float32"),
        ("float32", "avx2 avx512f avx512_bf16", "float32"),
        ("bfloat16", "avx2 avx512f avx512_bf16", "bfloat16"),
        ("bfloat16", "avx2 avx512f", "float32"),
    ],
)
def test_the_precision_is_what_the_processor_multiplies(
    asked_for: str, flags: str, used: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"flags: {flags}\n")
    monkeypatch.setattr(cpu, "cpu_precision", lambda requested: precision.cpu_precision(requested, cpuinfo))
    request = replace(_request(tmp_path, 128), dtype=asked_for)
    assert at_cpu_precision(request) == replace(request, dtype=used)
