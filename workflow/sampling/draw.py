"""One start of the engine, for every benchmark that has samples missing."""

from __future__ import annotations

import hashlib
import logging
import os
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eapo_verl.engine.network import loopback_environment
from workflow.quiet import QUIET

# Read when libraries are imported, so this stands before that. A variable the user set wins.
for _variable, _value in {
    **loopback_environment(),
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    **QUIET,
}.items():
    os.environ.setdefault(_variable, _value)

from lm_eval.evaluator import evaluate  # noqa: E402

from eapo_verl.cpu.environment import on_cpu  # noqa: E402
from eapo_verl.record.provenance import git_sha, hardware  # noqa: E402
from workflow.sampling.cpu import cpu_options  # noqa: E402
from workflow.sampling.engine import SeededVLLM  # noqa: E402
from workflow.sampling.journal import Journal  # noqa: E402
from workflow.sampling.request import Request  # noqa: E402
from workflow.sampling.several_turns import SeveralTurns  # noqa: E402
from workflow.sampling.store import Drawn  # noqa: E402
from workflow.sampling.tasks import check_lengths, load_tasks  # noqa: E402


def draw(request: Request, asked_for: str, missing: Sequence[Drawn], label: str, started: float) -> None:
    """Draws what `missing` lacks; `asked_for` is the user's dtype, `label` what progress lines call the run.

    A sample is in the journal from the moment it is finished. What a run draws that goes on after an interruption is
    what the first would have drawn as far as the engine's arithmetic does not depend on the rest of its batch: on a CPU
    no difference was seen, on GPUs vLLM promises as much with VLLM_BATCH_INVARIANT=1 alone. Raises SamplingError for a
    prompt that does not fit, and for a file that cannot be written.
    """
    logging.getLogger("lm_eval").setLevel(logging.WARNING)
    # Where this process was forked off one that had imported vLLM, it has the level of that one.
    logging.getLogger("vllm").setLevel(os.environ["VLLM_LOGGING_LEVEL"])
    benchmarks = [one.benchmark for one in missing]
    journals = {one.benchmark.name: one.journal for one in missing}
    for journal in journals.values():
        journal.begin()
    with tempfile.TemporaryDirectory(prefix="sampling-") as scratch:
        tasks = load_tasks(request, benchmarks, Path(scratch))
        check_lengths(request, benchmarks)
        model = start_engine(request, journals, label)
        startup = time.monotonic() - started
        _say(f"engine up in {startup:.1f} s; to be drawn: {sum(one.missing for one in missing)} samples")
        # evaluate() and not simple_evaluate(): the latter also collects system information by running programs, which
        # takes longer than a small run. Turns stay apart, so that the chat is the one that training has.
        evaluate(
            model,
            tasks,
            system_instruction=request.system_prompt,
            apply_chat_template=True,
            fewshot_as_multiturn=True,
            bootstrap_iters=0,
            log_samples=False,
        )
        generation = time.monotonic() - started - startup
    tokens = sum(journal.drawn_tokens for journal in journals.values())
    record = {
        "chat_template_sha256": hashlib.sha256(model.chat_template(True).encode()).hexdigest(),
        "git_sha": git_sha(),
        "hardware": hardware(),
        "precision": {"requested": asked_for, "effective": model.precision},
        # Of the run that drew them, all benchmarks together; times in seconds.
        "drawn_together": sorted(journals),
        "max_model_len": request.max_model_len,
        "tensor_parallel": request.tensor_parallel,
        "gpu_memory_utilization": request.gpu_memory_utilization,
        "startup_s": round(startup, 2),
        "generation_s": round(generation, 2),
        "output_tokens_per_s": round(tokens / generation, 1),
        # Linux counts in KiB.
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    for one in missing:
        one.finish({"samples_taken_over": one.journal.taken_over} | record)
    _say(f"{tokens} tokens in {generation:.1f} s ({tokens / generation:.0f} tokens/s)")


def start_engine(request: Request, journals: Mapping[str, Journal], label: str) -> SeededVLLM:
    """The engine for `request`, on whatever device vLLM finds. Raises SamplingError for an expert without address."""
    options: dict[str, Any] = {}
    model: type[SeededVLLM] = SeededVLLM
    if request.turns is not None:
        model = SeveralTurns
        turns = request.turns
        options |= {"procedure": turns.procedure, "replies": turns.replies, "endpoints": turns.addresses()}
        options |= {"system_prompt": request.system_prompt}
    if request.gpu_memory_utilization is not None:
        options["gpu_memory_utilization"] = request.gpu_memory_utilization
    if on_cpu():
        options |= cpu_options(request)
    return model(
        sampling_seed=request.seed,
        journals=journals,
        label=label,
        chat_template_kwargs=request.chat_template_kwargs,
        pretrained=str(request.model),
        dtype=request.dtype,
        max_model_len=request.max_model_len,
        tensor_parallel_size=request.tensor_parallel,
        seed=request.seed % 2**32,
        **options,
    )


def _say(message: str) -> None:
    print(f"sampling: {message}", file=sys.stderr, flush=True)
