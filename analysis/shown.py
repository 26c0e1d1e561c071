"""Rows of the two tables as people read them: points of 100, names, no column that says the same everywhere."""

from __future__ import annotations

import math

import pandas as pd

from analysis.conclusion import p_text, points
from analysis.scores import ALL, MACRO
from analysis.style import name

MISSING = "–"
MAIN_COLUMNS = (
    *("method", "benchmark", "avg_at_k", "ci_low", "ci_high", "pass_at_k", "maj_at_k", "var_within", "var_between"),
    *("n_questions", "n_samples", "n_seeds", "reported", "k", "nested_low", "nested_high", "unanswered_rate"),
    *("truncated_rate", "duplicate_rate", "disagreement_rate", "n_tokens_mean"),
)
SIGNIFICANCE_COLUMNS = (
    *("method_a", "method_b", "benchmark", "test", "difference", "ci_low", "ci_high", "p_value", "p_adjusted", "mde"),
    *("n_questions", "seeds_a", "seeds_b", "effect", "effect_low", "effect_high", "p_smallest"),
)


def main_rows(main: pd.DataFrame) -> list[dict[str, str]]:
    """The main table by benchmark, then method; accuracies and rates in percent."""
    samples = sorted({int(n) for n in main["n_samples"]})
    average = f"avg@{samples[0]}" if len(samples) == 1 else "avg@samples"
    rows = []
    for benchmark in main["benchmark"].unique():
        for _, row in main[main["benchmark"] == benchmark].iterrows():
            shown = {
                "benchmark": row_name(benchmark),
                "method": name(row["method"]),
                **({} if len(samples) == 1 else {"samples": str(int(row["n_samples"]))}),
                average: points(row["avg_at_k"], False),
                "95% CI": span(row["ci_low"], row["ci_high"], False),
                "with runs": span(row["nested_low"], row["nested_high"], False),
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
            tokens = row["n_tokens_mean"]
            rows.append(shown | {"tokens": MISSING if math.isnan(tokens) else f"{tokens:.0f}"})
    return rows


def comparison_rows(significance: pd.DataFrame) -> list[dict[str, str]]:
    """Rows of the significance table, in the order given: difference, interval, p-values, power, seeds."""
    return [
        {
            "comparison": f"{name(row['method_a'])} − {name(row['method_b'])}",
            "difference": points(row["difference"]),
            "95% CI": span(row["ci_low"], row["ci_high"], True),
            "p": p_text(row["p_value"]),
            "p (Holm)": p_text(row["p_adjusted"]),
            "detectable": points(row["mde"], False),
            "seeds": f"{int(row['seeds_a'])} / {int(row['seeds_b'])}",
        }
        for _, row in significance.iterrows()
    ]


def test_rows(significance: pd.DataFrame) -> list[dict[str, str]]:
    """As :func:`comparison_rows`, with benchmark, test, and what a row that tests no difference estimates."""
    rows = []
    for shown, (_, row) in zip(comparison_rows(significance), significance.iterrows(), strict=True):
        place = {"benchmark": row_name(row["benchmark"]), "test": row["test"].replace("_", " ")}
        is_estimate = not math.isnan(row["effect"])
        if is_estimate:
            shown |= {"p": MISSING, "p (Holm)": MISSING}
        elif not math.isnan(row["p_smallest"]):
            shown["p"] += f" (smallest possible {p_text(row['p_smallest'])})"
        effect = f"{row['effect']:.2f}" if is_estimate else MISSING
        if not math.isnan(row["effect_low"]):
            effect += f" ({row['effect_low']:.2f} to {row['effect_high']:.2f})"
        rows.append({"comparison": shown.pop("comparison"), **place, **shown, "estimate": effect})
    return rows


def row_name(benchmark: str) -> str:
    """A row's benchmark in words."""
    return {MACRO: "mean over benchmarks", ALL: "all questions"}.get(benchmark, benchmark)


def span(low: float, high: float, signed: bool) -> str:
    """An interval in points of 100."""
    return MISSING if math.isnan(low) else f"{points(low, signed)} to {points(high, signed)}"
