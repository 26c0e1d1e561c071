"""One self-contained HTML page: the answer first, then tables, figures, and what was run."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path

import jinja2
import pandas as pd

from analysis import InputError
from analysis.conclusion import conclude
from analysis.provenance import read_run, runs_table, shared_facts
from analysis.scores import ALL, MACRO
from analysis.shown import MAIN_COLUMNS, SIGNIFICANCE_COLUMNS, comparison_rows, main_rows, test_rows
from analysis.style import name

FIGURES = ("comparison", "accuracy_over_training")


def build(experiment: str, tables: Path, figures: Path, run_files: Sequence[Path]) -> tuple[str, str]:
    """The page, and its first sentence.

    Args:
        experiment: its name.
        tables: the folder of main.csv and significance.csv.
        figures: the folder of comparison.png and accuracy_over_training.png.
        run_files: run.json of every training run.

    Raises:
        InputError: a file is missing or not what it should be.
    """
    main = _read(tables / "main.csv", MAIN_COLUMNS, ("method", "benchmark", "interval"))
    significance = _read(
        tables / "significance.csv", SIGNIFICANCE_COLUMNS, ("method_a", "method_b", "benchmark", "test")
    )
    runs = [read_run(path) for path in run_files]
    conclusion = conclude(main, significance)
    conclusion = dataclasses.replace(conclusion, basis=f"{conclusion.basis} Experts locked off.")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        experiment=experiment,
        conclusion=conclusion,
        comparisons=comparison_rows(
            significance[(significance["benchmark"] == ALL) & (significance["test"] == "crossed")]
        ),
        main=main_rows(main),
        significance=test_rows(significance),
        figures={stem: _embed(figures / f"{stem}.png") for stem in FIGURES},
        design=_design(main),
        k=int(main["k"].iloc[0]),
        n_samples=int(main["n_samples"].min()),
        runs=runs_table(runs),
        facts=shared_facts(runs),
    )
    return page, conclusion.sentence


def _read(path: Path, columns: Sequence[str], texts: Collection[str]) -> pd.DataFrame:
    """A table that has ``columns``; those that are not ``texts`` hold numbers or nothing. Raises InputError."""
    try:
        table = pd.read_csv(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not a table: {error}".splitlines()[0]) from error
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(f"{path}: column {missing[0]!r} is missing (needed are {', '.join(columns)})")
    for column in columns:
        if column not in texts and not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(f"{path}: column {column!r} holds text: needed are numbers")
    if table.empty:
        raise InputError(f"{path}: has no rows")
    return table


def _embed(path: Path) -> str:
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _design(main: pd.DataFrame) -> str:
    """Questions of each benchmark and seeds of each method, for captions."""
    sizes = main[~main["benchmark"].isin([ALL, MACRO])].drop_duplicates("benchmark")
    questions = ", ".join(f"{row['benchmark']} n = {int(row['n_questions'])}" for _, row in sizes.iterrows())
    methods = main.drop_duplicates("method")
    seeds = ", ".join(f"{name(row['method'])} {int(row['n_seeds'])}" for _, row in methods.iterrows())
    return f"Questions: {questions}. Training seeds: {seeds}."
