"""Compare two folders of samples of anyone's methods: grade, score, test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis import InputError
from analysis.intake import folders
from analysis.intake.cells import Cell
from analysis.intake.samples import Grader, Reference
from analysis.report.conclusion import Conclusion, conclude
from analysis.statistics.scores import complete, majority, score
from analysis.statistics.smallest_effect import SMALLEST_EFFECT
from analysis.tables.main import main_table
from analysis.tables.significance import significance_table


class Comparison(NamedTuple):
    """Both tables, what follows from them, and of how many responses the second scorer has no verdict."""

    main: pd.DataFrame
    significance: pd.DataFrame
    conclusion: Conclusion
    unverified: int


def compare(
    a: Path,
    b: Path,
    benchmarks: Sequence[str] = (),
    problems: Path | None = None,
    k: int | None = None,
    workers: int = 1,
    smallest_effect: float = SMALLEST_EFFECT,
) -> Comparison:
    """The first folder's method minus the second's.

    Args:
        a: folder of samples, as :mod:`analysis.intake.folders` reads it.
        b: another.
        benchmarks: to compare; none given: all there are, which both need to have.
        problems: folder (or file) of answers, for samples that are not lm-eval's.
        k: of pass@k and maj@k; None: all the samples that every question has.
        workers: processes of the second scorer.
        smallest_effect: of interest, in accuracy.

    Raises:
        InputError: what is wrong in either folder; different questions; a benchmark that nobody answered.
    """
    names = folders.names((a, b))
    arms = [folders.find(name, folder) for name, folder in zip(names, (a, b), strict=True)]
    wanted = folders.shared_benchmarks(arms, benchmarks)
    sources = [source for arm in arms for source in arm if source.cell.benchmark in wanted]
    # All of it is read before any of it is graded, which takes longer.
    read = [(source.cell, *folders.read(source, problems)) for source in sources]
    _same_answers([(cell, answers) for cell, _, answers in read])
    with Grader(workers) as grader:
        graded = [(cell, grader.grade(samples, answers)) for cell, samples, answers in read]
    scores = complete(pd.concat([score(cell, grades) for cell, grades in graded], ignore_index=True), f"{a}, {b}")
    for benchmark in scores.benchmarks:
        rows = scores.frame[scores.frame["benchmark"] == benchmark]
        if (rows["unanswered"] == rows["n"]).all():
            raise InputError(f"benchmark {benchmark!r}: no response holds a boxed answer: nothing can be compared")
    votes_of = k or int(scores.frame["n"].min())
    votes = pd.concat([majority(cell, grades, votes_of) for cell, grades in graded], ignore_index=True)
    main = main_table(scores, votes, votes_of)
    significance = significance_table(scores, [names], votes, smallest_effect)
    return Comparison(main, significance, conclude(main, significance), grader.overdue)


def _same_answers(read: Sequence[tuple[Cell, dict[str, Reference]]]) -> None:
    known: dict[tuple[str, str], tuple[Reference, Cell]] = {}
    for cell, answers in read:
        for question, answer in answers.items():
            other, first = known.setdefault((cell.benchmark, question), (answer, cell))
            if other.answer != answer.answer:
                raise InputError(
                    f"benchmark {cell.benchmark}, question {question!r}: the reference answer is {other.answer} for "
                    f"{first.method} and {answer.answer} for {cell.method}"
                )
