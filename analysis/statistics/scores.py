"""Counts per method, seed, benchmark and question, and the arrays that the statistics need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis import InputError
from analysis.intake.cells import ALL, MACRO, Cell
from analysis.intake.parquet import read_parquet
from analysis.intake.samples import CONSTANT
from analysis.statistics.metrics import duplicate_rate, maj_at_k

SCORE_COLUMNS = [
    *("method", "seed", "benchmark", "question_id", "n", "correct", "unanswered", "truncated", "n_tokens_mean"),
    *("duplicate_rate", "disagreements", "n_characters_mean", "expert_tokens_mean", CONSTANT),
]
_COUNTS = ("seed", "n", "correct", "unanswered", "disagreements")


def score(cell: Cell, grades: pd.DataFrame) -> pd.DataFrame:
    """One row per question of the cell, with the columns SCORE_COLUMNS; NaN where the samples tell no tokens."""
    by_question = grades.assign(disagrees=disagreements(grades), characters=grades["response"].str.len()).groupby(
        "question_id", sort=False
    )
    rows = by_question.agg(
        n=("correct", "size"),
        correct=("correct", "sum"),
        unanswered=("unanswered", "sum"),
        n_tokens_mean=("n_tokens", "mean"),
        duplicate_rate=("response", lambda responses: duplicate_rate(list(responses))),
        disagreements=("disagrees", "sum"),
        n_characters_mean=("characters", "mean"),
        expert_tokens_mean=("expert_tokens", "mean"),
        constant=(CONSTANT, "mean"),
    )
    rows["truncated"] = by_question["truncated"].sum(min_count=1)
    rows = rows.reset_index()
    return rows.assign(method=cell.method, seed=cell.seed, benchmark=cell.benchmark)[SCORE_COLUMNS]


def disagreements(grades: pd.DataFrame) -> pd.Series:
    """Where the scorers' verdicts differ; not where the second one gave up."""
    second = grades["verify_correct"]
    return second.notna() & (second.fillna(False).astype(bool) != grades["correct"])


def majority(cell: Cell, grades: pd.DataFrame, k: int) -> pd.DataFrame:
    """maj@k of each question of the cell over its samples 0 to k-1: method, seed, benchmark, question_id, maj_at_k."""
    first = grades[grades["sample"] < k]
    rows = [
        {"question_id": question, "maj_at_k": maj_at_k(_votes(group), list(group["correct"]))}
        for question, group in first.groupby("question_id", sort=False)
    ]
    return pd.DataFrame(rows).assign(method=cell.method, seed=cell.seed, benchmark=cell.benchmark)


def _votes(group: pd.DataFrame) -> list[str | None]:
    return [
        None if unanswered else str(text)
        for text, unanswered in zip(group["extracted"], group["unanswered"], strict=True)
    ]


@dataclass(frozen=True)
class Scores:
    """The scores of an experiment: a frame with SCORE_COLUMNS, complete, checked by :func:`read_scores`."""

    frame: pd.DataFrame

    @property
    def methods(self) -> list[str]:
        """Methods in the order of the file."""
        return [str(method) for method in self.frame["method"].unique()]

    @property
    def benchmarks(self) -> list[str]:
        """Benchmarks in the order of the file."""
        return [str(benchmark) for benchmark in self.frame["benchmark"].unique()]

    @property
    def cells(self) -> list[Cell]:
        """All (method, seed, benchmark) in the order of the file."""
        unique = self.frame[["method", "seed", "benchmark"]].drop_duplicates()
        return [Cell(str(m), int(s), str(b)) for m, s, b in unique.itertuples(index=False)]

    def require(self, where: str, *methods: str) -> None:
        """Raises InputError, saying ``where``, if one of ``methods`` has no scores."""
        for method in methods:
            if method not in self.methods:
                raise InputError(f"{where}: {method!r} has no scores; there are {', '.join(self.methods)}")

    def of(self, method: str, benchmark: str) -> pd.DataFrame:
        """Rows of a method on a benchmark; on every one of them for "all" and "macro"."""
        rows = self.frame[self.frame["method"] == method]
        return rows if benchmark in (ALL, MACRO) else rows[rows["benchmark"] == benchmark]

    def accuracies(self, method: str, benchmark: str) -> pd.DataFrame:
        """Accuracy of each question (rows, indexed by benchmark and question_id) in each training seed (columns)."""
        rows = self.of(method, benchmark)
        return _by_question(rows.assign(accuracy=rows["correct"] / rows["n"]), "accuracy")

    def counts(self, method: str, benchmark: str) -> pd.DataFrame:
        """Right samples ("correct") and samples ("n") of each question over all training seeds, in the same order."""
        return self.of(method, benchmark).groupby(["benchmark", "question_id"])[["correct", "n"]].sum()

    def samples(self, method: str, benchmark: str) -> pd.DataFrame:
        """Samples of each question in each training seed, laid out as :meth:`accuracies`."""
        return _by_question(self.of(method, benchmark), "n")


def read_scores(path: Path) -> Scores:
    """Scores in which every method has every seed of its on every question of every benchmark.

    Raises:
        InputError: unreadable, a column or a cell missing, a cell twice, counts that are no counts.
    """
    return complete(read_parquet(path, SCORE_COLUMNS, later=(CONSTANT,)), str(path))


def complete(frame: pd.DataFrame, where: str) -> Scores:
    """``frame`` with SCORE_COLUMNS, checked as :func:`read_scores` says; ``where`` it comes from. Raises InputError."""
    for column in _COUNTS:
        if not pd.api.types.is_integer_dtype(frame[column]):
            raise InputError(f"{where}: column {column!r} holds {frame[column].dtype}: needed are whole numbers")
    keys = ["method", "seed", "benchmark", "question_id"]
    if frame.duplicated(keys).any():
        row = frame[frame.duplicated(keys)].iloc[0]
        raise InputError(f"{where}: {_name(row)} occurs twice")
    bad = frame[~((frame["n"] >= 1) & frame["correct"].between(0, frame["n"]))]
    if not bad.empty:
        raise InputError(f"{where}: {_name(bad.iloc[0])}: correct = {bad.iloc[0]['correct']} of n = {bad.iloc[0]['n']}")
    questions = frame[["benchmark", "question_id"]].drop_duplicates()
    wanted = frame[["method", "seed"]].drop_duplicates().merge(questions, how="cross")
    joined = wanted.merge(frame[keys], how="left", on=keys, indicator=True)
    absent = joined[joined["_merge"] == "left_only"]
    if not absent.empty:
        raise InputError(f"{where}: {_name(absent.iloc[0])} is missing ({len(absent)} such cells)")
    return Scores(frame)


def _by_question(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    return rows.pivot(index=["benchmark", "question_id"], columns="seed", values=column).sort_index()


def _name(row: pd.Series) -> str:
    return f"method {row['method']}, seed {row['seed']}, benchmark {row['benchmark']}, question {row['question_id']!r}"
