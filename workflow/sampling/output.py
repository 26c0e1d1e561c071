"""What sampling leaves on disk: samples, and where they came from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from eapo_verl.record.files import write_whole
from workflow.sampling.questions import Benchmark
from workflow.sampling.request import SamplingError

_EXPERTS = ("expert_tokens", "expert_prompt_tokens", "expert_requests", "expert_failures")


@dataclass(frozen=True)
class Row:
    """A line of samples/…jsonl: draw number `sample` of a question; the rest as in `journal.Completion`."""

    question_id: str
    sample: int
    response: str
    n_tokens: int
    finish_reason: str
    expert_tokens: int = 0
    expert_prompt_tokens: int = 0
    expert_requests: int = 0
    expert_failures: int = 0


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Writes `rows` in the order given, a JSON object a line; `path` holds all of them or is as it was.

    Raises SamplingError where it cannot be written.
    """
    _replace(path, "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes `content` as indented JSON; `path` holds all of it or is as it was.

    Raises SamplingError where it cannot be written.
    """
    _replace(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _replace(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise SamplingError(f"--out-dir: cannot write {path}: {error.strerror}") from error


def provenance(
    model: Path,
    benchmark: Benchmark,
    identity: Mapping[str, Any],
    record: Mapping[str, Any],
    banned: Sequence[str],
    rows: Sequence[Row],
    expert_replies: Mapping[str, int],
) -> dict[str, Any]:
    """All that is needed to repeat or to doubt the samples `rows` of a benchmark.

    `record` is what the drawing of them has left (`draw.draw`), `expert_replies` counts experts' answers by outcome.
    `duplicate_rate` is the mean over questions of the share of responses that repeat an earlier one.
    """
    responses: dict[str, list[str]] = {}
    for row in rows:
        responses.setdefault(row.question_id, []).append(row.response)
    return {
        "model": str(model),
        "data": str(benchmark.path),
        "instructions": list(benchmark.instructions),
        **identity,
        **record,
        "questions": len(benchmark.questions),
        "samples": len(rows) // len(benchmark.questions),
        "output_tokens": sum(row.n_tokens for row in rows),
        "truncated": sum(row.finish_reason == "length" for row in rows),
        **{name: sum(getattr(row, name) for row in rows) for name in _EXPERTS},
        "expert_replies": dict(expert_replies),
        "samples_with_expert_failures": sum(row.expert_failures > 0 for row in rows),
        "duplicate_rate": round(mean(1 - len(set(texts)) / len(texts) for texts in responses.values()), 6),
        # A ban forbids the tokens that a string is usually written with. A word-piece vocabulary can spell
        # the same string in other pieces, so what came through is counted and not assumed to be none.
        "responses_with_banned_text": sum(any(text in row.response for text in banned) for row in rows),
    }
