"""One scoring run: one engine, every benchmark, all files."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# vLLM reads its log level when it is imported, so this stands before that import. A variable the user set
# wins.
for _variable, _value in {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    # Seconds between two states of a progress line: a log file keeps each of them.
    "TQDM_MININTERVAL": "5",
}.items():
    os.environ.setdefault(_variable, _value)

from lm_eval.evaluator import evaluate  # noqa: E402
from vllm.platforms import current_platform  # noqa: E402

from workflow.scoring.cpu import cpu_options  # noqa: E402
from workflow.scoring.engine import SeededVLLM  # noqa: E402
from workflow.scoring.output import Row, provenance, write_json, write_rows  # noqa: E402
from workflow.scoring.request import Request  # noqa: E402
from workflow.scoring.tasks import check_lengths, load_tasks  # noqa: E402


def run(request: Request, started: float) -> None:
    """Samples every benchmark of `request` and writes its files; `started` is a time.monotonic reading.

    The files appear only when all responses are there, provenance.json last. Raises ScoringError for a prompt
    that does not fit.
    """
    logging.getLogger("lm_eval").setLevel(logging.WARNING)
    request.out_dir.mkdir(parents=True, exist_ok=True)
    questions = sum(len(benchmark.problems) for benchmark in request.benchmarks)
    with tempfile.TemporaryDirectory(prefix="scoring-") as scratch:
        tasks = load_tasks(request, Path(scratch))
        check_lengths(request, tasks)
        model = start_engine(request)
        startup = time.monotonic() - started
        _say(f"engine up in {startup:.1f} s; {questions} questions x {request.samples} samples to draw")
        # evaluate() and not simple_evaluate(): the latter also collects system information by running
        # programs, which takes longer than a small run.
        results: Any = evaluate(model, tasks, apply_chat_template=True, bootstrap_iters=0, log_samples=True)
        generation = time.monotonic() - started - startup
    rows = {name: _rows(name, results["samples"][name], model) for name in tasks["tasks"]}
    record = provenance(request, rows, results, model.chat_template(True), startup, generation)
    for name, lines in rows.items():
        write_rows(request.out_dir / f"{name}.jsonl", lines)
    write_json(request.out_dir / "provenance.json", record)
    speed = record["output_tokens_per_s"]
    _say(f"{record['output_tokens']} tokens in {generation:.1f} s ({speed:.0f} tokens/s)")


def start_engine(request: Request) -> SeededVLLM:
    """The engine for `request`, on whatever device vLLM finds."""
    options: dict[str, Any] = {}
    if request.gpu_memory_utilization is not None:
        options["gpu_memory_utilization"] = request.gpu_memory_utilization
    if current_platform.is_cpu():
        options |= cpu_options(request)
    return SeededVLLM(
        sampling_seed=request.seed,
        pretrained=str(request.model),
        dtype=request.dtype,
        max_model_len=request.max_model_len,
        tensor_parallel_size=request.tensor_parallel,
        seed=request.seed % 2**32,
        **options,
    )


def _rows(name: str, samples: list[dict[str, Any]], model: SeededVLLM) -> list[Row]:
    rows: list[Row] = []
    for logged in sorted(samples, key=lambda logged: int(logged["doc_id"])):
        completions = model.completions[name, logged["doc_id"]]
        for number, (text, completion) in enumerate(zip(logged["resps"][0], completions, strict=True)):
            rows.append(Row(logged["doc"]["id"], number, text, completion.n_tokens, completion.finish_reason))
    return rows


def _say(message: str) -> None:
    print(f"scoring: {message}", file=sys.stderr, flush=True)
