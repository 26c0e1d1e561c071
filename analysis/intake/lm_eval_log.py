"""Samples from the files that lm-eval writes with ``--log_samples``: ``samples_<task>_<date>.jsonl`` (once ``.json``).

A line, or an element of an array (up to 0.4.2), is a document: doc_id, doc, target, resps (for each request the list of
its repeats) and the filter that made filtered_resps. lm-eval keeps neither tokens nor the reason of ending, so these
stay empty.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import InputError
from analysis.intake import parts
from analysis.intake.json_lines import read_json
from analysis.intake.rows import ending_of, read_rows, stem_of
from analysis.intake.samples import SAMPLE_FIELDS, Reference, reference

FIELDS = ("doc_id", "target", "resps")
_NAME = re.compile(r"samples_(?P<task>.+?)(?:_\d{4}-\d{2}-\d{2}T[\d:.-]+)?")


def is_log(path: Path) -> bool:
    """Whether the file is named as lm-eval names its logs."""
    return path.name.startswith("samples_") and ending_of(path) in (".jsonl", ".json")


def task_name(path: Path) -> str:
    """The task of a log file: its name without the date."""
    match = _NAME.fullmatch(stem_of(path))
    return match["task"] if match else stem_of(path)


def task_of_old(path: Path) -> str:
    """The task of a log that is named after the model's arguments and the task, as up to 0.4.2.

    Raises:
        InputError: which part of the name it is cannot be told: results.json, which has the tasks, is not beside it.
    """
    beside = path.with_name("results.json")
    results = read_json(beside) if beside.exists() else None
    tasks = results.get("results") if isinstance(results, dict) else None
    found = [task for task in tasks if path.stem.endswith(f"_{task}")] if isinstance(tasks, dict) else []
    if not found:
        raise InputError(
            f"{path}: is a log of lm-eval up to 0.4.2, whose name does not say where the task begins: needed is its "
            "results.json beside it, or the name samples_<task>.jsonl"
        )
    return max(found, key=len)


def read_log(path: Path) -> tuple[pd.DataFrame, dict[str, Reference]]:
    """Samples and reference answers of a log file, which are taken for integers: a log names no task of ours.

    A question is named by its document's ``id`` where it has one, else by its number. Where several filters were
    logged, a document is there once for each; its responses are the same and are taken once.

    Returns:
        a frame as :func:`analysis.intake.samples.read_samples` gives it, with n_tokens and finish_reason missing;
        answers by question.

    Raises:
        InputError: a field is missing, the task generates no text, an answer is no integer, a document is there twice
            or has more or fewer responses than the others.
    """
    answers: dict[str, Reference] = {}
    responses: dict[str, list[str]] = {}
    filters: set[tuple[str, str]] = set()
    for where, row in chain.from_iterable(read_rows(path).values()):
        missing = [field for field in FIELDS if field not in row]
        if missing:
            raise InputError(f"{where}: field {missing[0]!r} is missing (needed are {', '.join(FIELDS)})")
        question = _question(row)
        filtered = (question, str(row.get("filter")))
        if filtered in filters:
            raise InputError(f"{where}: question {question!r} is there twice: two runs were logged into one file")
        filters.add(filtered)
        if question in responses:
            continue
        responses[question] = _responses(where, row["resps"])
        answers[question] = reference(where, {}, parts.answer(where, {"target": row["target"]}))
    if not responses:
        raise InputError(f"{path}: holds no sample")
    counts = {question: len(texts) for question, texts in responses.items()}
    most = max(counts.values())
    for question, count in counts.items():
        if count < most:
            raise InputError(f"{path}: question {question!r} has {count} responses, others have {most}")
    rows = [
        dict(zip(SAMPLE_FIELDS, (question, index, text, float("nan"), None), strict=True))
        for question, texts in responses.items()
        for index, text in enumerate(texts)
    ]
    return pd.DataFrame(rows), answers


def _question(row: dict[str, Any]) -> str:
    document = row.get("doc")
    named = document.get("id", document.get("ID")) if isinstance(document, dict) else None
    return str(row["doc_id"] if named is None else named)


def _responses(where: str, resps: object) -> list[str]:
    if isinstance(resps, list) and len(resps) == 1 and isinstance(resps[0], list):
        texts = [text for text in resps[0] if isinstance(text, str)]
        if texts and len(texts) == len(resps[0]):
            return texts
    raise InputError(f"{where}: resps: needed is one list of texts, as tasks of output_type generate_until have it")
