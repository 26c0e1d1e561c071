"""The tasks that lm-eval's evaluator runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lm_eval.tasks import TaskManager
from transformers import AutoTokenizer

from workflow.sampling.lm_eval_files import generation, write_files
from workflow.sampling.questions import Benchmark
from workflow.sampling.request import Request, SamplingError


def load_tasks(request: Request, benchmarks: Sequence[Benchmark], scratch: Path) -> dict[str, Any]:
    """lm-eval's task dictionary for `benchmarks`; `scratch` is an empty folder that outlives the tasks."""
    kwargs = generation(request.temperature, request.top_p, request.max_tokens, request.banned, request.stop)
    write_files(benchmarks, request.samples, kwargs, scratch)
    # Only our tasks are indexed: reading lm-eval's own thousands of YAMLs takes seconds.
    manager = TaskManager(include_path=scratch, include_defaults=False)
    return {"tasks": manager.load([benchmark.name for benchmark in benchmarks])["tasks"]}


def check_lengths(request: Request, benchmarks: Sequence[Benchmark]) -> None:
    """Raises SamplingError for the first question whose prompt and longest response do not fit together."""
    tokenizer = AutoTokenizer.from_pretrained(request.model)
    room = request.max_model_len - request.max_tokens
    system = [{"role": "system", "content": request.system_prompt}] if request.system_prompt else []
    for benchmark in benchmarks:
        for question in benchmark.questions:
            prompt = question.prompt if request.turns is None else request.turns.procedure.longest(question.prompt)
            chat = [*system, {"role": "user", "content": prompt}]
            template: dict[str, Any] = {
                "tokenize": False,
                "add_generation_prompt": True,
                **request.chat_template_kwargs,
            }
            text = tokenizer.apply_chat_template(chat, **template)
            length = len(tokenizer(text, add_special_tokens=False).input_ids)
            if length > room:
                raise SamplingError(
                    f"question {question.id!r} of {benchmark.name}: its prompt has {length} tokens, and --max-model-len"
                    f" {request.max_model_len} less --max-tokens {request.max_tokens} leaves {room}"
                )
