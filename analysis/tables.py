"""The two tables: how well each method does, and which differences are more than chance.

Rows are benchmarks, then "macro" (mean over benchmarks, the paper's average) and "all" (all questions pooled).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import InputError
from analysis.intervals import Interval, over_questions
from analysis.metrics import avg_at_k, pass_at_k, var_between, var_within
from analysis.power import minimum_detectable_effect
from analysis.reported import reported
from analysis.scores import ALL, MACRO, Scores
from analysis.significance import (
    Outcome,
    crossed_test,
    holm,
    paired_t_questions,
    paired_t_seeds,
    sign_flip_questions,
)

Array = NDArray[np.float64]
Pair = tuple[str, str]


def main_table(scores: Scores, majority: pd.DataFrame, k: int) -> pd.DataFrame:
    """Method x benchmark.

    Columns: method, benchmark, avg_at_k, ci_low, ci_high (95%, over questions), pass_at_k, maj_at_k, var_within,
    var_between (over questions and seeds), n_questions, n_samples (per question and seed), n_seeds, reported (the
    paper's avg@k), then k, the kind of interval, and the rates of unanswered and truncated responses, of duplicates,
    and of disagreement between the two scorers. Rates and accuracies lie in 0 to 1.

    Args:
        scores: the experiment's scores.
        majority: maj@k of every question, as :func:`analysis.scores.majority` gives it, for all cells.
        k: the k of pass@k and maj@k. avg@k is the mean over all samples there are.

    Raises:
        InputError: k is larger than the number of samples of some question.
    """
    fewest = int(scores.frame["n"].min())
    if not 1 <= k <= fewest:
        raise InputError(f"k = {k}: allowed are 1 to {fewest}, the number of samples a question")
    frame = scores.frame.merge(majority, how="left", on=["method", "seed", "benchmark", "question_id"])
    if frame["maj_at_k"].isna().any():
        raise InputError("grades and scores disagree on the questions: grade and score again")
    frame = frame.assign(
        accuracy=frame["correct"] / frame["n"],
        pass_at_k=[pass_at_k(int(n), int(c), k) for n, c in zip(frame["n"], frame["correct"], strict=True)],
    )
    complete = Scores(frame)
    rows = []
    for method in scores.methods:
        for benchmark in (*scores.benchmarks, MACRO, ALL):
            means = _benchmark_means(complete.of(method, benchmark), benchmark)
            interval = accuracy_interval(scores, method, benchmark)
            rows.append(
                {
                    "method": method,
                    "benchmark": benchmark,
                    "avg_at_k": means.pop("avg_at_k"),
                    "ci_low": interval.low,
                    "ci_high": interval.high,
                    **{name: means.pop(name) for name in ("pass_at_k", "maj_at_k", "var_within", "var_between")},
                    **_design(complete.of(method, benchmark)),
                    "reported": reported(method, benchmark, scores.benchmarks),
                    "k": k,
                    "interval": interval.kind,
                    **means,
                }
            )
    return pd.DataFrame(rows)


def accuracy_interval(scores: Scores, method: str, benchmark: str) -> Interval:
    """95% interval, over questions, of a method's accuracy averaged over its seeds."""
    table = scores.accuracies(method, benchmark)
    groups = _groups(table, benchmark)
    return over_questions([group.mean(axis=1).to_numpy() for group in groups])


def significance_table(scores: Scores, pairs: Sequence[Pair]) -> pd.DataFrame:
    """Pair x benchmark x test, for the declared family of comparisons.

    Columns: method_a, method_b, benchmark, test, difference (a minus b), ci_low, ci_high (95%), p_value, p_adjusted
    (Holm over the pairs, within a benchmark and a test), mde (true difference that this design finds with 80% power),
    then se, df, n_questions, seeds_a, seeds_b. "crossed" is the primary test; see :mod:`analysis.significance`.

    Raises:
        InputError: a pair names a method that has no scores.
    """
    rows = []
    for a, b in pairs:
        for method in (a, b):
            if method not in scores.methods:
                raise InputError(f"pair {a}:{b}: {method!r} has no scores; there are {', '.join(scores.methods)}")
        for benchmark in (*scores.benchmarks, MACRO, ALL):
            rows += _compare(scores, a, b, benchmark)
    table = pd.DataFrame(rows)
    for _, family in table.groupby(["benchmark", "test"]):
        table.loc[family.index, "p_adjusted"] = holm(list(family["p_value"]))
    return table


def _compare(scores: Scores, a: str, b: str, benchmark: str) -> list[dict[str, object]]:
    table_a, table_b = scores.accuracies(a, benchmark), scores.accuracies(b, benchmark)
    first, second = table_a.to_numpy(), table_b.to_numpy()
    strata = list(table_a.index.get_level_values("benchmark")) if benchmark == MACRO else None
    tests: dict[str, Callable[[Array, Array], Outcome]] = {"crossed": lambda x, y: crossed_test(x, y, strata)}
    if benchmark != MACRO:
        tests |= {"paired_t_questions": paired_t_questions, "sign_flip_questions": sign_flip_questions}
        if list(table_a.columns) == list(table_b.columns) and first.shape[1] >= 2:
            tests["paired_t_seeds"] = paired_t_seeds
    rows: list[dict[str, object]] = []
    for name, test in tests.items():
        result = test(first, second)
        rows.append(
            {
                "method_a": a,
                "method_b": b,
                "benchmark": benchmark,
                "test": name,
                "difference": result.difference,
                "ci_low": result.ci[0],
                "ci_high": result.ci[1],
                "p_value": result.p,
                "p_adjusted": float("nan"),
                "mde": minimum_detectable_effect(result.se, result.df),
                "se": result.se,
                "df": result.df,
                "n_questions": len(first),
                "seeds_a": first.shape[1],
                "seeds_b": second.shape[1],
            }
        )
    return rows


def _groups(table: pd.DataFrame, benchmark: str) -> list[pd.DataFrame]:
    """The questions that are averaged first: each benchmark's for "macro", else all of them."""
    return [group for _, group in table.groupby(level="benchmark")] if benchmark == MACRO else [table]


def _benchmark_means(rows: pd.DataFrame, benchmark: str) -> dict[str, float]:
    groups = [group for _, group in rows.groupby("benchmark")] if benchmark == MACRO else [rows]
    per_group = pd.DataFrame([_means(group) for group in groups])
    return {str(name): float(value) for name, value in per_group.mean().items()}


def _means(rows: pd.DataFrame) -> dict[str, float]:
    accuracy = rows["accuracy"].to_numpy()
    return {
        "avg_at_k": avg_at_k(accuracy),
        "pass_at_k": float(rows["pass_at_k"].mean()),
        "maj_at_k": float(rows["maj_at_k"].mean()),
        "var_within": var_within(accuracy),
        "var_between": var_between(accuracy),
        "unanswered_rate": float((rows["unanswered"] / rows["n"]).mean()),
        "truncated_rate": float((rows["truncated"] / rows["n"]).mean()),
        "duplicate_rate": float(rows["duplicate_rate"].mean()),
        "disagreement_rate": float((rows["disagreements"] / rows["n"]).mean()),
        "n_tokens_mean": float(rows["n_tokens_mean"].mean()),
    }


def _design(rows: pd.DataFrame) -> dict[str, int]:
    return {
        "n_questions": len(rows[["benchmark", "question_id"]].drop_duplicates()),
        "n_samples": int(rows["n"].min()),
        "n_seeds": int(rows["seed"].nunique()),
    }
