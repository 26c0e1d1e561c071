"""Read problems and samples, and grade the samples of one run on one benchmark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake.json_lines import read_json_lines, require
from analysis.intake.verification import Verifier
from tasks import CannotGrade, Grade, name_of, task

#: Tokens that experts wrote for a response: a field of methods that ask them in evaluation; where it is absent, 0.
EXPERT_TOKENS = "expert_tokens"
SAMPLE_FIELDS = {"question_id": str, "sample": int, "response": str, "n_tokens": int, "finish_reason": str}
FINISH_REASONS = ("stop", "length")
#: What became of each response, by a word of its task's (:class:`tasks.Grade`).
OUTCOME = "outcome"
#: Of each response, whether the answer that is the most common one of the benchmark would be right.
CONSTANT = "constant"
GRADE_COLUMNS = [
    *SAMPLE_FIELDS,
    *("extracted", "correct", "verify_correct", "unanswered", "truncated", EXPERT_TOKENS, CONSTANT),
]


class Reference(NamedTuple):
    """The right answer to a problem, in the normal form of the problem's task; ``task`` is that task's name.

    ``blind`` is it in the words of somebody who has not read the problem, where these are others.
    """

    answer: str
    task: str
    blind: str | None = None


def read_answers(path: Path) -> dict[str, Reference]:
    """Reference answers by problem id, from JSON lines with id, answer and, optionally, task. Raises InputError."""
    answers: dict[str, Reference] = {}
    for where, row in read_json_lines(path):
        require(where, row, {"id": str, "answer": str})
        if row["id"] in answers:
            raise InputError(f"{where}: id {row['id']!r} occurs twice")
        answers[row["id"]] = reference(where, row, row["answer"])
    if not answers:
        raise InputError(f"{path}: holds no problem")
    return answers


def reference(where: str, problem: Mapping[str, Any], answer: str) -> Reference:
    """The ``answer`` as the task of ``problem``, a line of a problem file, has it. Raises InputError."""
    try:
        name, blind = name_of(problem), problem.get("blind")
        return Reference(task(name).normalise(answer), name, blind if isinstance(blind, str) else None)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def read_samples(path: Path, answers: Collection[str], k: int | None = None) -> pd.DataFrame:
    """The samples in ``path``, exactly ``k`` (numbered 0 to k-1) for each question of ``answers``, in that order.

    ``k`` None: as many as the file has, the same number for each question.

    Returns:
        a frame with the columns question_id, sample, response, n_tokens, finish_reason, expert_tokens.

    Raises:
        InputError: malformed line, unknown question, missing, surplus or repeated sample.
    """
    seen: dict[str, dict[int, dict[str, Any]]] = {question: {} for question in answers}
    for where, row in read_json_lines(path):
        require(where, row, SAMPLE_FIELDS)
        row = {EXPERT_TOKENS: 0} | row
        require(where, row, {EXPERT_TOKENS: int})
        if row["finish_reason"] not in FINISH_REASONS:
            raise InputError(
                f"{where}: finish_reason {row['finish_reason'][:40]!r}: allowed are {', '.join(FINISH_REASONS)}"
            )
        for field in ("n_tokens", EXPERT_TOKENS):
            if not 0 <= row[field] < 2**31:
                raise InputError(f"{where}: {field} {row[field]} is not a count")
        question, sample = row["question_id"], row["sample"]
        if question not in seen:
            raise InputError(f"{where}: question_id {question[:80]!r} is not one of the {len(answers)} problems")
        if sample < 0 or (k is not None and sample >= k):
            allowed = "numbers from 0" if k is None else f"0 to {k - 1} (k = {k})"
            raise InputError(f"{where}: sample {sample}: allowed are {allowed}")
        if sample in seen[question]:
            raise InputError(f"{where}: question {question!r} has sample {sample} twice")
        seen[question][sample] = {field: row[field] for field in (*SAMPLE_FIELDS, EXPERT_TOKENS)}
    wanted = max(1, *(len(rows) for rows in seen.values())) if k is None else k
    for question, rows in seen.items():
        missing = next((index for index in range(wanted) if index not in rows), None)
        if missing is not None:
            raise InputError(
                f"{path}: question {question!r} has {len(rows)} of k = {wanted} samples; sample {missing} is missing"
            )
    return pd.DataFrame([rows[index] for rows in seen.values() for index in range(wanted)])


class Grader:
    """Grades samples by the rule and by the second scorer; a context manager.

    Its processes of the second scorer, ``workers`` of them, and what they have found live as long as it does. The
    verdicts do not depend on their number, unless one of them uses up its budget.
    """

    def __init__(self, workers: int = 1) -> None:
        self._verifiers = [Verifier() for _ in range(workers)]
        self._stack = ExitStack()

    def __enter__(self) -> Grader:
        for verifier in self._verifiers:
            self._stack.enter_context(verifier)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def overdue(self) -> int:
        """Responses that the second scorer gave up: there is no verdict of its."""
        return sum(verifier.overdue for verifier in self._verifiers)

    def grade(self, samples: pd.DataFrame, answers: Mapping[str, Reference]) -> pd.DataFrame:
        """Add what the grades of a frame of :func:`read_samples` say, the columns that follow and ``outcome``.

        They are extracted, correct, verify_correct, unanswered, truncated, constant.

        ``verify_correct`` is the second scorer's verdict, missing where it gave up; the first one's where the answer is
        no integer.
        ``truncated`` is a response that ended at the token limit; it is graded if it holds a box, else unanswered.
        Where ``finish_reason`` is missing, so is ``truncated``. ``constant`` is whether the answer would be right that
        is the most common one of all questions (of as common ones the first).

        Raises:
            InputError: what the grade of a task needs is not here.
        """
        texts = [(text, answers[name]) for text, name in zip(samples["response"], samples["question_id"], strict=True)]
        grades = _graded(texts)
        graded = list(zip(texts, grades, strict=True))
        portion = max(1, -(-len(texts) // len(self._verifiers)))
        portions = [graded[start : start + portion] for start in range(0, len(texts), portion)]
        # A thread waits for its process, which does the work.
        with ThreadPoolExecutor(len(self._verifiers)) as pool:
            verified = [one for part in pool.map(_verified, self._verifiers, portions) for one in part]
        labels = {name: right.blind or right.answer for name, right in answers.items()}
        ((common, _),) = Counter(labels.values()).most_common(1)
        return samples.assign(
            extracted=pd.array([one.extracted for one in grades], dtype="str"),
            correct=[one.correct for one in grades],
            verify_correct=pd.array(verified, dtype="boolean"),
            unanswered=[one.unanswered for one in grades],
            truncated=_truncated(samples["finish_reason"]),
            # lm-eval's own logs know of no experts.
            expert_tokens=samples.get(EXPERT_TOKENS, 0),
            constant=[labels[name] == common for name in samples["question_id"]],
            outcome=pd.array([one.outcome for one in grades], dtype="str"),
        )[[*GRADE_COLUMNS, OUTCOME]]


def _graded(texts: Sequence[tuple[str, Reference]]) -> list[Grade]:
    """By each task, all of its own at once: it knows what can be done at the same time. Raises InputError."""
    places: dict[str, list[int]] = {}
    for place, (_, right) in enumerate(texts):
        places.setdefault(right.task, []).append(place)
    grades: dict[int, Grade] = {}
    try:
        for name, own in places.items():
            found = task(name).grade_all([(texts[place][0], texts[place][1].answer) for place in own])
            grades |= zip(own, found, strict=True)
    except CannotGrade as error:
        raise InputError(str(error)) from error
    return [grades[place] for place in range(len(texts))]


def _verified(verifier: Verifier, graded: Sequence[tuple[tuple[str, Reference], Grade]]) -> list[bool | None]:
    # Math-Verify is asked about integers alone: of any other answer the task's verdict is the only one.
    return [
        verifier.verify(response, right.answer) if right.answer.removeprefix("-").isdecimal() else grade.correct
        for (response, right), grade in graded
    ]


def _truncated(finish_reason: pd.Series) -> pd.Series:
    if finish_reason.isna().any():
        return pd.Series(float("nan"), index=finish_reason.index)
    return finish_reason == "length"
