"""What a scoring run leaves on disk: samples, and where they came from."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eapo_verl.record.provenance import git_sha, hardware
from workflow.sampling.journal import Journal
from workflow.sampling.request import Benchmark, Request, ScoringError


@dataclass(frozen=True)
class Row:
    """A line of samples/…jsonl: draw number `sample` of a question; `n_tokens` as in `journal.Completion`."""

    question_id: str
    sample: int
    response: str
    n_tokens: int
    finish_reason: str


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Writes `rows` in the order given, a JSON object a line; `path` holds all of them or is as it was.

    Raises ScoringError where it cannot be written.
    """
    _replace(path, "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes `content` as indented JSON; `path` holds all of it or is as it was.

    Raises ScoringError where it cannot be written.
    """
    _replace(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise ScoringError(f"--out-dir: cannot write {path}: {error.strerror}") from error


def provenance(
    request: Request,
    drawn_from: Mapping[str, Any],
    precision: Mapping[str, str],
    rows: Mapping[str, Sequence[Row]],
    results: Mapping[str, Any],
    chat_template: str,
    journal: Journal,
    startup_s: float,
    generation_s: float,
) -> dict[str, Any]:
    """All that is needed to repeat or to doubt a run.

    `drawn_from` is the request's `identity`, `precision` what was requested and what the engine computed in, `results`
    lm-eval's answer. `samples_taken_over` counts samples of an interrupted run; times (seconds) and speed are of this
    run and what it drew itself. `duplicate_rate` of a benchmark is the mean over its questions of the share of
    responses that repeat an earlier one.
    """
    return {
        "model": str(request.model),
        "model_config_sha256": hashlib.sha256((request.model / "config.json").read_bytes()).hexdigest(),
        "chat_template_sha256": hashlib.sha256(chat_template.encode()).hexdigest(),
        **drawn_from,
        "git_sha": git_sha(),
        "hardware": hardware(),
        "precision": dict(precision),
        "benchmarks": {
            b.name: drawn_from["benchmarks"][b.name] | _benchmark(b, rows[b.name], results, request.banned)
            for b in request.benchmarks
        },
        "samples_taken_over": journal.taken_over,
        "output_tokens": sum(row.n_tokens for lines in rows.values() for row in lines),
        "startup_s": round(startup_s, 2),
        "generation_s": round(generation_s, 2),
        "wall_s": round(startup_s + generation_s, 2),
        "output_tokens_per_s": round(journal.drawn_tokens / generation_s, 1),
        "peak_rss_bytes": _peak_rss_bytes(),
    }


def _benchmark(
    benchmark: Benchmark, rows: Sequence[Row], results: Mapping[str, Any], banned: Sequence[str]
) -> dict[str, Any]:
    return {
        "task_version": results["versions"][benchmark.name],
        "data": str(benchmark.path),
        "questions": len(benchmark.problems),
        "output_tokens": sum(row.n_tokens for row in rows),
        "truncated": sum(row.finish_reason == "length" for row in rows),
        "duplicate_rate": round(1 - results["results"][benchmark.name]["distinct,all"], 6),
        # A ban forbids the tokens that a string is usually written with. A word-piece vocabulary can spell
        # the same string in other pieces, so what came through is counted and not assumed to be none.
        "responses_with_banned_text": sum(any(text in row.response for text in banned) for row in rows),
    }


def _peak_rss_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
