"""vLLM's settings on a machine without an accelerator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eapo_verl.cpu.precision import cpu_precision
from eapo_verl.cpu.vllm_options import vllm_options
from workflow.sampling.request import Request


def at_cpu_precision(request: Request) -> Request:
    """`request` with the precision that this CPU computes in, which stderr is told where it was not asked for."""
    return replace(request, dtype=cpu_precision(request.dtype))


def cpu_options(request: Request) -> dict[str, Any]:
    """Engine arguments for `request`. Also sets, where the user did not, the variables that vLLM reads."""
    return vllm_options(request.model, request.max_model_len)
