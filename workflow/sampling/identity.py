"""What determines a sample, as digests and numbers that can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from workflow.sampling.questions import Benchmark
from workflow.sampling.request import Request


def identity(request: Request, model_sha256: str, benchmark: Benchmark) -> dict[str, Any]:
    """Model, prompts, sampling and versions: where two requests agree in it, so do the samples of `benchmark`.

    Files count by what they hold, not by where they lie. Left out is what bounds or speeds up the engine but decides
    no token (`max_model_len`, which every prompt is checked against, memory, the devices that a model is spread over;
    such changes move results by rounding alone, as another processor does), how many samples are asked for, since
    each has a seed of its own, and reference answers, since no prompt contains one. Where a response takes several
    turns, prompts hold what was written before, so that `max_model_len` may cut the last of them: there it counts.
    """
    content: dict[str, Any] = {
        "benchmark": benchmark.name,
        "model_sha256": model_sha256,
        "system_prompt": request.system_prompt,
        "prompts_sha256": digest({question.id: question.prompt for question in benchmark.questions}),
        "sampling": {
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
            "seed": request.seed,
            "banned": sorted(request.banned),
            "dtype": request.dtype,
            # Samples are kept that were drawn before there was more to say than its default.
            **({"stop": sorted(request.stop)} if request.stop else {}),
        },
        "versions": {name: version(name) for name in ("lm_eval", "vllm", "transformers", "torch")},
    }
    if request.chat_template_kwargs:
        content["chat_template_kwargs"] = dict(request.chat_template_kwargs)
    if request.turns is None:
        return content
    return content | {
        "turns": request.turns.identity
        | {
            "max_model_len": request.max_model_len,
            "tasks_sha256": digest({question.id: question.task for question in benchmark.questions}),
        }
    }


def digest(content: Mapping[str, Any]) -> str:
    """sha256 (hex) of `content` as canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
