"""Read problems and samples, and grade the samples of one run on one benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import InputError
from analysis.grading import grade, read_integer
from analysis.verification import Verifier

SAMPLE_FIELDS = {"question_id": str, "sample": int, "response": str, "n_tokens": int, "finish_reason": str}
FINISH_REASONS = ("stop", "length")
GRADE_COLUMNS = [*SAMPLE_FIELDS, "extracted", "correct", "verify_correct", "unanswered", "truncated"]


def read_answers(path: Path) -> dict[str, str]:
    """Reference answers by problem id, from JSON lines with id and answer. Raises InputError."""
    answers: dict[str, str] = {}
    for where, row in _json_lines(path):
        _require(where, row, {"id": str, "answer": str})
        if row["id"] in answers:
            raise InputError(f"{where}: id {row['id']!r} occurs twice")
        if read_integer(row["answer"]) is None:
            raise InputError(f"{where}: answer {row['answer'][:40]!r} is not an integer of at most 18 digits")
        answers[row["id"]] = row["answer"]
    if not answers:
        raise InputError(f"{path}: holds no problem")
    return answers


def read_samples(path: Path, answers: dict[str, str], k: int) -> pd.DataFrame:
    """The samples in ``path``, exactly ``k`` (numbered 0 to k-1) for each question of ``answers``, in that order.

    Returns:
        a frame with the columns question_id, sample, response, n_tokens, finish_reason.

    Raises:
        InputError: malformed line, unknown question, missing, surplus or repeated sample.
    """
    seen: dict[str, dict[int, dict[str, Any]]] = {question: {} for question in answers}
    for where, row in _json_lines(path):
        _require(where, row, SAMPLE_FIELDS)
        if row["finish_reason"] not in FINISH_REASONS:
            raise InputError(
                f"{where}: finish_reason {row['finish_reason'][:40]!r}: allowed are {', '.join(FINISH_REASONS)}"
            )
        if not 0 <= row["n_tokens"] < 2**31:
            raise InputError(f"{where}: n_tokens {row['n_tokens']} is not a count")
        question, sample = row["question_id"], row["sample"]
        if question not in seen:
            raise InputError(f"{where}: question_id {question[:80]!r} is not one of the {len(answers)} problems")
        if not 0 <= sample < k:
            raise InputError(f"{where}: sample {sample}: allowed are 0 to {k - 1} (k = {k})")
        if sample in seen[question]:
            raise InputError(f"{where}: question {question!r} has sample {sample} twice")
        seen[question][sample] = {field: row[field] for field in SAMPLE_FIELDS}
    for question, rows in seen.items():
        if len(rows) < k:
            missing = next(index for index in range(k) if index not in rows)
            raise InputError(
                f"{path}: question {question!r} has {len(rows)} of k = {k} samples; sample {missing} is missing"
            )
    return pd.DataFrame([rows[index] for rows in seen.values() for index in range(k)])


def grade_samples(samples: pd.DataFrame, answers: dict[str, str]) -> pd.DataFrame:
    """Add extracted, correct, verify_correct, unanswered, truncated to a frame of :func:`read_samples`.

    ``truncated`` is a response that ended at the token limit; it is graded if it holds a box, else unanswered.
    """
    texts = list(zip(samples["response"], samples["question_id"].map(answers), strict=True))
    grades = [grade(response, answer) for response, answer in texts]
    with Verifier() as verifier:
        verified = [verifier.verify(response, answer) for response, answer in texts]
    return samples.assign(
        extracted=pd.array([one.extracted for one in grades], dtype="str"),
        correct=[one.correct for one in grades],
        verify_correct=verified,
        unanswered=[one.unanswered for one in grades],
        truncated=samples["finish_reason"] == "length",
    )[GRADE_COLUMNS]


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path}:{number}", _parse(f"{path}:{number}", line)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 (byte {error.start} of a block)") from error


def _parse(where: str, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: is not JSON: {str(error)[:100]}") from error
    if not isinstance(row, dict):
        raise InputError(f"{where}: is a JSON {type(row).__name__}, not an object")
    # A lone surrogate is legal in JSON and in no UTF-8 file.
    return {
        key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for key, value in row.items()
    }


def _require(where: str, row: dict[str, Any], fields: dict[str, type]) -> None:
    for field, kind in fields.items():
        if field not in row:
            raise InputError(f"{where}: field {field!r} is missing (needed are {', '.join(fields)})")
        if type(row[field]) is not kind:
            raise InputError(
                f"{where}: {field} is {json.dumps(row[field])[:40]}, not {'text' if kind is str else 'an integer'}"
            )
