"""One job of sampling: what is missing is drawn, what was asked for is written."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eapo_verl.cpu.environment import on_cpu
from eapo_verl.record.contents import model_digest
from eapo_verl.record.costs import count_parameters
from workflow.sampling.cpu import at_cpu_precision
from workflow.sampling.output import provenance, write_json, write_rows
from workflow.sampling.questions import Benchmark
from workflow.sampling.request import Request, SamplingError
from workflow.sampling.store import FOLDER, Drawn


@dataclass(frozen=True)
class Job:
    """A request for `benchmarks`: samples are drawn into the store in `out_dir`, written from it, or both."""

    request: Request
    benchmarks: tuple[Benchmark, ...]
    out_dir: Path
    draws: bool = True
    writes: bool = True


def run(job: Job, started: float) -> None:
    """Draws what the store lacks, with one start of the engine, or none; `started` is a time.monotonic reading.

    Each benchmark's samples are written to ``<benchmark>.jsonl`` and, last, ``<benchmark>.provenance.json``.

    Raises SamplingError for a prompt that does not fit, a file that cannot be written, and, where nothing is to be
    drawn, for a benchmark whose samples are not all there.
    """
    request = at_cpu_precision(job.request) if on_cpu() else job.request
    model_sha256 = model_digest(request.model)
    with ExitStack() as stack:
        drawn = [
            stack.enter_context(Drawn(job.out_dir, request, model_sha256, benchmark)) for benchmark in job.benchmarks
        ]
        incomplete = [one for one in drawn if not one.complete]
        names = ", ".join(one.benchmark.name for one in incomplete)
        if incomplete and not job.draws:
            raise SamplingError(
                f"{job.out_dir / FOLDER}: the samples of {names} are not all there; --only draw draws them"
            )
        if incomplete:
            # Here: the engine's imports take ten seconds, and mostly there is nothing to draw.
            from workflow.sampling.draw import draw

            draw(request, job.request.dtype, incomplete, str(job.out_dir), started)
        else:
            print(f"sampling: {job.out_dir}: every sample is there already", file=sys.stderr, flush=True)
        if job.writes:
            for one in drawn:
                _write(job.out_dir, request, one)


def _write(folder: Path, request: Request, drawn: Drawn) -> None:
    rows = list(drawn.rows())
    record = drawn.record
    assert record is not None
    turns = request.turns
    facts: dict[str, Any] = {
        "stop": list(request.stop),
        "chat_template_kwargs": dict(request.chat_template_kwargs),
        "policy_parameters": count_parameters(request.model),
        "expert_parameters": {} if turns is None else {one.name: one.size for one in turns.experts},
        "tokens_of_experts": dict(drawn.tokens_of_experts),
    }
    if turns is not None and turns.matched:
        facts["matched"] = dict(turns.matched)
    content = provenance(
        request.model, drawn.benchmark, drawn.identity, record | facts, request.banned, rows, drawn.expert_replies
    )
    write_rows(folder / f"{drawn.benchmark.name}.jsonl", rows)
    write_json(folder / f"{drawn.benchmark.name}.provenance.json", content)
