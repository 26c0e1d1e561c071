"""Rows of the two tables as people read them: points of 100, names, no column that says the same everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from analysis.intake.cells import ALL, MACRO
from analysis.intake.samples import CONSTANT
from analysis.statistics.significance import PRIMARY
from analysis.tables.names import name, row_name
from analysis.tables.numbers import MISSING, count_range, p_text, points, rounded, size, span

_SEED_TERMS = {"both": "both", "a": "first only", "b": "second only", "none": "none"}


def main_rows(main: pd.DataFrame) -> list[dict[str, str]]:
    """The main table by benchmark, then method, in percent: accuracy with its intervals, pass@k, maj@k, design.

    Beside the accuracy stands what a constant answer would have, where that is known.
    """
    samples = {samples_text(row) for _, row in main.iterrows()}
    average = f"avg@{min(samples)}" if len(samples) == 1 else "avg@samples"
    return [
        {
            "benchmark": f"{row_name(row['benchmark'])} (n = {int(row['n_questions'])})",
            "method": name(row["method"]),
            average: points(row["avg_at_k"], False),
            **({} if main[CONSTANT].isna().all() else {"constant answer": points(row[CONSTANT], False)}),
            "95% CI": span(row["ci_low"], row["ci_high"], False),
            "with runs": span(row["nested_low"], row["nested_high"], False),
            "paper": points(row["reported"], False),
            f"pass@{int(row['k'])}": points(row["pass_at_k"], False),
            f"maj@{int(row['k'])}": points(row["maj_at_k"], False),
            **({} if len(samples) == 1 else {"samples": samples_text(row)}),
            "seeds": str(int(row["n_seeds"])),
        }
        for row in _by_benchmark(main)
    ]


def diagnostic_rows(main: pd.DataFrame) -> list[dict[str, str]]:
    """What else the main table says of each benchmark and method: variances, rates in percent, tokens."""
    rates = {
        "unanswered": "unanswered_rate",
        "truncated": "truncated_rate",
        "duplicates": "duplicate_rate",
        "scorers disagree": "disagreement_rate",
    }
    return [
        {
            "benchmark": row_name(row["benchmark"]),
            "method": name(row["method"]),
            "var within": rounded(row["var_within"], 4),
            "var between": rounded(row["var_between"], 4),
            **{label: points(row[column], False) for label, column in rates.items()},
            "tokens": rounded(row["n_tokens_mean"], 0),
        }
        for row in _by_benchmark(main)
    ]


def samples_text(row: pd.Series) -> str:
    """Samples of a question and seed in a row of the main table: a number, or a range where questions differ."""
    return count_range(int(row["n_samples"]), int(row["n_samples_most"]))


def detectable_text(row: pd.Series) -> str:
    """The true difference, in points, that a row's test finds four times in five, with its 95% interval."""
    if math.isnan(row["mde"]):
        return MISSING
    return f"{size(row['mde'])} ({size(row['mde_low'])} to {size(row['mde_high'])})"


def _by_benchmark(main: pd.DataFrame) -> Iterator[pd.Series]:
    benchmarks = [benchmark for benchmark in main["benchmark"].unique() if benchmark not in (ALL, MACRO)]
    # Of one benchmark, its mean and its pool say the same again.
    for benchmark in benchmarks if len(benchmarks) == 1 else main["benchmark"].unique():
        for _, row in main[main["benchmark"] == benchmark].iterrows():
            yield row


def comparison_rows(comparisons: pd.DataFrame) -> list[dict[str, str]]:
    """Rows of the primary test, in the order given: verdict, difference, interval, p-values, power, paper, seeds."""
    return [
        {
            "comparison": _compared(row),
            "verdict": row["verdict"],
            **_tested(row, "Holm"),
            "p (equivalence, Holm)": p_text(row["p_equivalence_adjusted"]),
            "paper": _paper(row),
            **_seeds(row),
        }
        for _, row in comparisons.iterrows()
    ]


def _compared(row: pd.Series) -> str:
    return f"{name(row['method_a'])} − {name(row['method_b'])}"


def _paper(row: pd.Series) -> str:
    if math.isnan(row["reported"]):
        return MISSING
    stands = row["replication"]
    return f"{points(row['reported'])}{f': {stands}' if isinstance(stands, str) else ''}"


def _seeds(row: pd.Series) -> dict[str, str]:
    return {
        "seeds": f"{int(row['seeds_a'])} / {int(row['seeds_b'])}",
        "seed term": _SEED_TERMS.get(row["seed_term"], MISSING),
    }


def ablation_rows(ablations: pd.DataFrame) -> list[dict[str, str]]:
    """What each component adds on all questions, in the table's order, beside what the paper says; in points."""
    return [
        {
            "component": component_name(row["component"]),
            "with − without": f"{name(row['full'])} − {name(row['without'])}",
            **_tested(row, "BH"),
            "paper": points(row["reported"]),
        }
        for _, row in ablations[ablations["benchmark"] == ALL].iterrows()
    ]


def ablation_test_rows(ablations: pd.DataFrame) -> list[dict[str, str]]:
    """The ablation table, in its order; differences in points."""
    return [
        {
            "component": component_name(row["component"]),
            "benchmark": row_name(row["benchmark"]),
            **_tested(row, "BH"),
        }
        for _, row in ablations.iterrows()
    ]


def domain_rows(domains: pd.DataFrame) -> list[dict[str, str]]:
    """Accuracy of each method in the domain of training and out of it, in percent, beside a constant answer's."""
    return [
        {
            "where": place_name(row),
            "method": name(row["method"]),
            "accuracy": points(row["avg_at_k"], False),
            "95% CI": span(row["ci_low"], row["ci_high"], False),
            "with runs": span(row["nested_low"], row["nested_high"], False),
            "constant answer": points(row[CONSTANT], False),
            "seeds": str(int(row["n_seeds"])),
        }
        for _, row in domains.iterrows()
    ]


def domain_comparison_rows(pairs: pd.DataFrame) -> list[dict[str, str]]:
    """Declared comparisons by the primary test, in the domain of training and out of it, in the table's order."""
    rows = pairs[pairs["test"] == PRIMARY]
    places = ({"where": place_name(row)} for _, row in rows.iterrows())
    compared = ({key: text for key, text in one.items() if key != "paper"} for one in comparison_rows(rows))
    return [place | one for place, one in zip(places, compared, strict=True)]


def sensitivity_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """The table of sensitivity, in its order: accuracies in percent, differences in points."""
    return [
        {
            "varied": row["varied"],
            "compared": f"{row['a']} − {row['b']}",
            "held": row["held"],
            "first": points(row["accuracy_a"], False),
            "second": points(row["accuracy_b"], False),
            **_tested(row, "Holm"),
        }
        for _, row in table.iterrows()
    ]


def place_name(row: pd.Series) -> str:
    """The scope of a row, its domains and how many questions."""
    return f"{row['scope']} ({row['domains']}; n = {int(row['n_questions'])})"


def component_name(component: str) -> str:
    """A component of an ablation, in words."""
    return component.replace("_", " ")


def _tested(row: pd.Series, adjustment: str) -> dict[str, str]:
    """What a test of a family says of a difference; the adjustment is the family's."""
    return {
        "difference": points(row["difference"]),
        "95% CI": span(row["ci_low"], row["ci_high"], True),
        "p": p_text(row["p_value"]),
        f"p ({adjustment})": p_text(row["p_adjusted"]),
        "detectable": detectable_text(row),
    }


def test_rows(significance: pd.DataFrame) -> list[dict[str, str]]:
    """All rows of the significance table, in their order, with what one that tests no difference estimates."""
    rows = []
    for _, row in significance.iterrows():
        shown = _tested(row, "Holm") | _seeds(row)
        if not math.isnan(row["effect"]) or row["test"] == "bootstrap_questions":
            shown |= {"p": MISSING, "p (Holm)": MISSING}
        elif not math.isnan(row["p_smallest"]):
            shown["p"] += f" (smallest possible {p_text(row['p_smallest'])})"
        effect = rounded(row["effect"], 2)
        if not math.isnan(row["effect_low"]):
            effect += f" ({rounded(row['effect_low'], 2)} to {rounded(row['effect_high'], 2)})"
        place = {"benchmark": row_name(row["benchmark"]), "test": row["test"].replace("_", " ")}
        rows.append({"comparison": _compared(row), **place, **shown, "estimate": effect})
    return rows
