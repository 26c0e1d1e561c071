"""What determines the samples of a request, as digests and numbers that can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis import benchmarks
from workflow.sampling.request import Request


def identity(request: Request) -> dict[str, Any]:
    """Model, questions, prompts, sampling and versions: two requests that agree in it draw the same samples.

    Files count by what they hold, not by where they lie.
    """
    return {
        "model_sha256": model_digest(request.model),
        "sampling": {
            "samples": request.samples,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
            "max_model_len": request.max_model_len,
            "seed": request.seed,
            "banned": list(request.banned),
            "instruction": request.instruction,
            "dtype": request.dtype,
            "tensor_parallel": request.tensor_parallel,
        },
        "benchmarks": {
            benchmark.name: {"task_sha256": benchmarks.digest(benchmark.name), "data_sha256": benchmark.sha256}
            for benchmark in request.benchmarks
        },
        "versions": {name: version(name) for name in ("lm_eval", "vllm", "transformers", "torch")},
    }


def model_digest(folder: Path) -> str:
    """sha256 (hex) of a checkpoint: the names and contents of the folder's files, weights included."""
    sha = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        with path.open("rb") as file:
            sha.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return sha.hexdigest()


def digest(content: Mapping[str, Any]) -> str:
    """sha256 (hex) of `content` as canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
