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

from eapo_verl.method.draws import sample_seed  # noqa: E402
from workflow.sampling.cpu import cpu_options, on_cpu  # noqa: E402
from workflow.sampling.engine import SeededVLLM  # noqa: E402
from workflow.sampling.identity import digest, identity  # noqa: E402
from workflow.sampling.journal import Journal  # noqa: E402
from workflow.sampling.output import Row, provenance, write_json, write_rows  # noqa: E402
from workflow.sampling.request import Benchmark, Request  # noqa: E402
from workflow.sampling.tasks import check_lengths, load_tasks  # noqa: E402

# Beside the outputs and not one of them: Snakemake removes those of a job that failed.
UNFINISHED = ".unfinished"


def run(request: Request, started: float) -> None:
    """Samples every benchmark of `request` and writes its files; `started` is a time.monotonic reading.

    The files appear only when all responses are there, provenance.json last. Until then the finished ones are kept
    in UNFINISHED, from which the next run of the same request goes on. What it draws is what the first would have
    drawn as far as the engine's arithmetic does not depend on the rest of its batch: on a CPU no difference was seen,
    on GPUs vLLM promises as much with VLLM_BATCH_INVARIANT=1 alone. Raises ScoringError for a prompt that does not
    fit, and for a file that cannot be written.
    """
    logging.getLogger("lm_eval").setLevel(logging.WARNING)
    asked_for = request.dtype
    if current_platform.is_cpu():
        request = on_cpu(request)
    drawn_from = identity(request)
    with tempfile.TemporaryDirectory(prefix="scoring-") as scratch:
        tasks = load_tasks(request, Path(scratch))
        check_lengths(request, tasks)
        with Journal(request.out_dir / UNFINISHED, digest(drawn_from)) as journal:
            model = start_engine(request, journal)
            startup = time.monotonic() - started
            total = request.samples * sum(len(benchmark.problems) for benchmark in request.benchmarks)
            _say(f"engine up in {startup:.1f} s; {total} samples, {journal.taken_over} of them of an interrupted run")
            # evaluate() and not simple_evaluate(): the latter also collects system information by running
            # programs, which takes longer than a small run.
            results: Any = evaluate(model, tasks, apply_chat_template=True, bootstrap_iters=0, log_samples=False)
            generation = time.monotonic() - started - startup
    rows = {benchmark.name: _rows(request, benchmark, journal) for benchmark in request.benchmarks}
    precision = {"requested": asked_for, "effective": model.precision}
    chat_template = model.chat_template(True)
    record = provenance(request, drawn_from, precision, rows, results, chat_template, journal, startup, generation)
    for name, lines in rows.items():
        write_rows(request.out_dir / f"{name}.jsonl", lines)
    write_json(request.out_dir / "provenance.json", record)
    journal.remove()
    speed = record["output_tokens_per_s"]
    _say(f"{journal.drawn_tokens} tokens in {generation:.1f} s ({speed:.0f} tokens/s)")


def start_engine(request: Request, journal: Journal) -> SeededVLLM:
    """The engine for `request`, on whatever device vLLM finds."""
    options: dict[str, Any] = {}
    if request.gpu_memory_utilization is not None:
        options["gpu_memory_utilization"] = request.gpu_memory_utilization
    if current_platform.is_cpu():
        options |= cpu_options(request)
    return SeededVLLM(
        sampling_seed=request.seed,
        journal=journal,
        label=str(request.out_dir),
        pretrained=str(request.model),
        dtype=request.dtype,
        max_model_len=request.max_model_len,
        tensor_parallel_size=request.tensor_parallel,
        seed=request.seed % 2**32,
        **options,
    )


def _rows(request: Request, benchmark: Benchmark, journal: Journal) -> list[Row]:
    rows: list[Row] = []
    for problem in benchmark.problems:
        for number in range(request.samples):
            drawn = journal[sample_seed(request.seed, benchmark.name, problem.id, number)]
            rows.append(Row(problem.id, number, drawn.response, drawn.n_tokens, drawn.finish_reason))
    return rows


def _say(message: str) -> None:
    print(f"scoring: {message}", file=sys.stderr, flush=True)
