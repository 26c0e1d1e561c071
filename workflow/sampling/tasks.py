"""lm-eval's tasks for a request: our YAMLs with its problems, its k and its sampling parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lm_eval.tasks import TaskManager
from transformers import AutoTokenizer

from analysis.benchmarks import DIRECTORY
from workflow.sampling.request import Benchmark, Request, ScoringError


def load_tasks(request: Request, scratch: Path) -> dict[str, Any]:
    """lm-eval's task dictionary for `request`; `scratch` is an empty folder that outlives the tasks.

    The problems are written anew, with the columns that the YAMLs name and no others: a problem file may hold
    more (solutions, mixed types) than one table schema takes, and the data set's cache stays in `scratch`, so
    that neither an earlier file of the same name nor the user's cache is ever used.
    """
    # Only our tasks are indexed: reading lm-eval's own thousands of YAMLs takes seconds.
    manager = TaskManager(include_path=DIRECTORY, include_defaults=False)
    # Members of a group may override keys of a task's YAML; a task asked for by itself may not. The group has
    # no other use, so it is left out of the result.
    members = [_member(request, benchmark, scratch) for benchmark in request.benchmarks]
    loaded = manager.load([{"group": "scoring", "task": members}])
    return {"tasks": loaded["tasks"]}


def check_lengths(request: Request, tasks: dict[str, Any]) -> None:
    """Raises ScoringError for the first question whose prompt and longest response do not fit together."""
    tokenizer = AutoTokenizer.from_pretrained(request.model)
    room = request.max_model_len - request.max_tokens
    for name, task in tasks["tasks"].items():
        for doc in task.eval_docs:
            message = [{"role": "user", "content": task.doc_to_text(doc)}]
            text = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
            length = len(tokenizer(text, add_special_tokens=False).input_ids)
            if length > room:
                raise ScoringError(
                    f"question {doc['id']!r} of {name}: its prompt has {length} tokens, and --max-model-len"
                    f" {request.max_model_len} less --max-tokens {request.max_tokens} leaves {room}"
                )


def _member(request: Request, benchmark: Benchmark, scratch: Path) -> dict[str, Any]:
    data = scratch / f"{benchmark.name}.jsonl"
    with data.open("w", encoding="utf-8") as stream:
        for problem in benchmark.problems:
            row = {"id": problem.id, "problem": problem.problem, "answer": problem.answer}
            if request.instruction is not None:
                row["instruction"] = request.instruction
            stream.write(json.dumps(row) + "\n")
    generation: dict[str, Any] = {
        "until": [],
        "do_sample": request.temperature > 0,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_gen_toks": request.max_tokens,
    }
    if request.banned:
        generation["bad_words"] = list(request.banned)
    return {
        "task": benchmark.name,
        "dataset_kwargs": {"data_files": {"test": str(data)}, "cache_dir": str(scratch / "cache")},
        "repeats": request.samples,
        "filter_list": [{"name": "all", "filter": [{"function": "take_first_k", "k": request.samples}]}],
        "generation_kwargs": generation,
    }
