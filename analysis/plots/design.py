"""What every caption says about the design: questions, samples, training seeds."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from analysis.intake.cells import ALL
from analysis.statistics.scores import Scores
from analysis.tables.names import name, row_name
from analysis.tables.numbers import count_range

OVER_QUESTIONS = "95% BCa bootstrap interval over questions (Wilson's where all questions score alike)"


def design(scores: Scores) -> str:
    """Questions of each benchmark, samples of a question, seeds of each method, as a sentence or two."""
    return f"Questions: {questions(scores)}; k = {samples(scores)} samples of each. {seeds(scores)}"


def questions(scores: Scores) -> str:
    """Benchmarks with their numbers of questions."""
    return ", ".join(
        f"{row_name(benchmark)} n = {number_of_questions(scores, benchmark)}" for benchmark in scores.benchmarks
    )


def number_of_questions(scores: Scores, row: str) -> int:
    """Questions of a benchmark; of all of them for "all"."""
    return len(scores.of(scores.methods[0], row)[["benchmark", "question_id"]].drop_duplicates())


def samples(scores: Scores) -> str:
    """Samples of a question and seed, as a number or a range."""
    return count_range(int(scores.frame["n"].min()), int(scores.frame["n"].max()))


def seeds(scores: Scores) -> str:
    """Training seeds of each method."""
    counts = [(method, scores.of(method, ALL)["seed"].nunique()) for method in scores.methods]
    return seeds_of(counts)


def seeds_in(table: pd.DataFrame) -> str:
    """Training seeds of the methods of a table with a row, or more, a run."""
    return seeds_of((str(method), rows["seed"].nunique()) for method, rows in table.groupby("method", sort=False))


def seeds_of(counts: Iterable[tuple[str, int]]) -> str:
    """Training seeds of the methods with these numbers of them."""
    return f"Training seeds: {', '.join(f'{name(method)} {count}' for method, count in counts)}."
