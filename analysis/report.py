"""One self-contained HTML page: the answer first, then tables, figures, and what was run."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from pathlib import Path

import jinja2
import pandas as pd

from analysis import InputError
from analysis.conclusion import Conclusion, conclude, p_text, points
from analysis.provenance import read_run, runs_table, shared_facts
from analysis.scores import ALL, MACRO
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
    main = _read(tables / "main.csv", ["method", "benchmark", "avg_at_k", "n_samples", "disagreement_rate"])
    significance = _read(
        tables / "significance.csv", ["method_a", "method_b", "benchmark", "test", "p_adjusted", "mde"]
    )
    runs = [read_run(path) for path in run_files]
    conclusion: Conclusion = conclude(main, significance)
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
        comparisons=_comparisons(
            significance[(significance["benchmark"] == ALL) & (significance["test"] == "crossed")]
        ),
        main=_main(main),
        significance=_significance(significance),
        figures={stem: _embed(figures / f"{stem}.png") for stem in FIGURES},
        design=_design(main),
        k=int(main["k"].iloc[0]),
        n_samples=int(main["n_samples"].min()),
        runs=runs_table(runs),
        facts=shared_facts(runs),
    )
    return page, conclusion.sentence


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not a table: {error}".splitlines()[0]) from error
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(f"{path}: column {missing[0]!r} is missing (needed are {', '.join(columns)})")
    return table


def _embed(path: Path) -> str:
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _row_name(benchmark: str) -> str:
    return {MACRO: "mean over benchmarks", ALL: "all questions"}.get(benchmark, benchmark)


def _range(low: float, high: float, signed: bool) -> str:
    return "–" if math.isnan(low) else f"{points(low, signed)} to {points(high, signed)}"


def _main(main: pd.DataFrame) -> list[dict[str, str]]:
    """The main table by benchmark, then method; accuracies and rates in percent."""
    rows = []
    for benchmark in main["benchmark"].unique():
        for _, row in main[main["benchmark"] == benchmark].iterrows():
            shown = {
                "benchmark": _row_name(benchmark),
                "method": name(row["method"]),
                f"avg@{int(row['n_samples'])}": points(row["avg_at_k"], False),
                "95% CI": _range(row["ci_low"], row["ci_high"], False),
                "paper": points(row["reported"], False),
            }
            rates = {
                f"pass@{int(row['k'])}": "pass_at_k",
                f"maj@{int(row['k'])}": "maj_at_k",
                "unanswered": "unanswered_rate",
                "truncated": "truncated_rate",
                "duplicates": "duplicate_rate",
                "scorers disagree": "disagreement_rate",
            }
            variances = {"var within": "var_within", "var between": "var_between"}
            shown |= {label: points(row[column], False) for label, column in rates.items()}
            shown |= {label: f"{row[column]:.4f}" for label, column in variances.items()}
            rows.append(shown | {"tokens": f"{row['n_tokens_mean']:.0f}"})
    return rows


def _comparisons(rows: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "comparison": f"{name(row['method_a'])} − {name(row['method_b'])}",
            "difference": points(row["difference"]),
            "95% CI": _range(row["ci_low"], row["ci_high"], True),
            "p": p_text(row["p_value"]),
            "p (Holm)": p_text(row["p_adjusted"]),
            "detectable": points(row["mde"], False),
            "seeds": f"{int(row['seeds_a'])} / {int(row['seeds_b'])}",
        }
        for _, row in rows.iterrows()
    ]


def _significance(table: pd.DataFrame) -> list[dict[str, str]]:
    rows = _comparisons(table)
    for shown, (_, row) in zip(rows, table.iterrows(), strict=True):
        shown |= {"benchmark": _row_name(row["benchmark"]), "test": row["test"].replace("_", " ")}
    return rows


def _design(main: pd.DataFrame) -> str:
    """Questions of each benchmark and seeds of each method, for captions."""
    sizes = main[~main["benchmark"].isin([ALL, MACRO])].drop_duplicates("benchmark")
    questions = ", ".join(f"{row['benchmark']} n = {int(row['n_questions'])}" for _, row in sizes.iterrows())
    methods = main.drop_duplicates("method")
    seeds = ", ".join(f"{name(row['method'])} {int(row['n_seeds'])}" for _, row in methods.iterrows())
    return f"Questions: {questions}. Training seeds: {seeds}."
