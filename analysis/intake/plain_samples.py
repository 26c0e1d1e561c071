"""Samples and reference answers in anybody's rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake import parts
from analysis.intake.harnesses import plain
from analysis.intake.samples import EXPERT_TOKENS, SAMPLE_FIELDS, Reference, reference


class _Sample(NamedTuple):
    """What is told of a response; None is what is not."""

    response: str
    n_tokens: int | None
    finish_reason: str | None
    expert_tokens: int


def read_plain(
    path: Path, rows: Iterable[tuple[str, Mapping[str, Any]]], known: Mapping[str, Reference] | None
) -> tuple[pd.DataFrame, dict[str, Reference]]:
    """Samples and reference answers by question.

    A row holds a response or a list of them. Samples are numbered from 0 in the order of their own numbers, or of the
    rows where they have none. n_tokens and finish_reason are missing everywhere where one row does not tell them.

    Args:
        path: to say where a question is wrong.
        rows: with their places.
        known: the answers of all questions there are; None: each row tells its own, which is taken for an integer.

    Returns:
        a frame as :func:`analysis.intake.samples.read_samples` gives it, and the answers.

    Raises:
        InputError: a row lacks a part or has a wrong one, a sample is there twice, a question is unknown, has two
            answers, or fewer responses than others; each row has an id of its own while problems repeat.
    """
    answers = dict(known or {})
    found: dict[str, dict[int, _Sample]] = {question: {} for question in answers}
    problems: set[str] = set()
    for where, given in rows:
        row = plain(where, given)
        question = parts.question(where, row)
        problems.add(parts.problem(row) or question)
        if known is None:
            right = reference(where, {}, parts.answer(where, row))
            other = answers.setdefault(question, right).answer
            if other != right.answer:
                raise InputError(f"{where}: the answer to question {question!r} is {right.answer}, and {other} before")
        elif question not in known:
            raise InputError(f"{where}: question {question!r} is not one of the {len(known)} problems")
        _add(where, question, row, found.setdefault(question, {}))
    _check(path, found, len(problems))
    return _frame(found), answers


def _add(where: str, question: str, row: Mapping[str, Any], samples: dict[int, _Sample]) -> None:
    number = parts.count(where, row, parts.SAMPLE)
    first = len(samples) if number is None else number
    for index, text in enumerate(parts.responses(where, row)):
        if first + index in samples:
            raise InputError(f"{where}: question {question!r} has sample {first + index} twice")
        samples[first + index] = _Sample(
            text,
            parts.count(where, row, parts.TOKENS, index),
            parts.ended(row, index),
            parts.count(where, row, parts.EXPERT_TOKENS, index) or 0,
        )


def _check(path: Path, found: Mapping[str, Mapping[int, _Sample]], problems: int) -> None:
    most = max(map(len, found.values()), default=0)
    if most == 0:
        raise InputError(f"{path}: holds no sample")
    for question, samples in found.items():
        if len(samples) < most:
            raise InputError(f"{path}: question {question!r} has {len(samples)} responses, others have {most}")
    if most == 1 and problems < len(found):
        raise InputError(
            f"{path}: {len(found)} ids, and {problems} problems: needed is an id for each question, as question_id"
        )


def _frame(found: Mapping[str, Mapping[int, _Sample]]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [
            {"question_id": question, "sample": index, **samples[number]._asdict()}
            for question, samples in found.items()
            for index, number in enumerate(sorted(samples))
        ]
    )
    if frame["n_tokens"].isna().any():
        frame["n_tokens"] = float("nan")
    if frame["finish_reason"].isna().any():
        frame["finish_reason"] = None
    return frame[[*SAMPLE_FIELDS, EXPERT_TOKENS]]


def read_problems(path: Path, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Reference]:
    """Reference answers by question, each as the task has it that its row names. Raises InputError."""
    answers: dict[str, Reference] = {}
    for where, given in rows:
        row = plain(where, given)
        question = parts.question(where, row)
        if question in answers:
            raise InputError(f"{where}: question {question!r} is there twice")
        answers[question] = reference(where, row, parts.answer(where, row))
    if not answers:
        raise InputError(f"{path}: holds no problem")
    return answers
