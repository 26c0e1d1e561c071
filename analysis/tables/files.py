"""Read the tables that were written: main.csv, significance.csv, ablations.csv."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis import InputError

_MAIN_TEXTS = ("method", "benchmark", "interval")
_MAIN_NUMBERS = (
    *("avg_at_k", "ci_low", "ci_high", "pass_at_k", "maj_at_k", "var_within", "var_between", "n_questions"),
    *("n_samples", "n_seeds", "reported", "k", "nested_low", "nested_high", "unanswered_rate", "truncated_rate"),
    *("duplicate_rate", "disagreement_rate", "n_tokens_mean"),
)
_SIGNIFICANCE_TEXTS = ("method_a", "method_b", "benchmark", "test", "seed_term")
_SIGNIFICANCE_NUMBERS = (
    *("difference", "ci_low", "ci_high", "p_value", "p_adjusted", "mde", "n_questions", "seeds_a", "seeds_b"),
    *("effect", "effect_low", "effect_high", "p_smallest"),
)
_ABLATION_TEXTS = ("component", "benchmark", "without", "full")
_ABLATION_NUMBERS = ("difference", "ci_low", "ci_high", "p_value", "p_adjusted")


def read_main(folder: Path) -> pd.DataFrame:
    """main.csv of a folder of tables. Raises InputError."""
    return _read(folder / "main.csv", _MAIN_TEXTS, _MAIN_NUMBERS)


def read_significance(folder: Path) -> pd.DataFrame:
    """significance.csv of a folder of tables. Raises InputError."""
    return _read(folder / "significance.csv", _SIGNIFICANCE_TEXTS, _SIGNIFICANCE_NUMBERS)


def read_ablations(folder: Path) -> pd.DataFrame | None:
    """ablations.csv of a folder of tables, None where the experiment declares no ablation. Raises InputError."""
    path = folder / "ablations.csv"
    return _read(path, _ABLATION_TEXTS, _ABLATION_NUMBERS) if path.exists() else None


def _read(path: Path, texts: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """A table with these columns and a row or more; ``numbers`` hold numbers or nothing."""
    try:
        table = pd.read_csv(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not a table: {error}".splitlines()[0]) from error
    missing = [column for column in (*texts, *numbers) if column not in table]
    if missing:
        raise InputError(f"{path}: column {missing[0]!r} is missing (needed are {', '.join((*texts, *numbers))})")
    for column in numbers:
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(f"{path}: column {column!r} holds text: needed are numbers")
    if table.empty:
        raise InputError(f"{path}: has no rows")
    return table
