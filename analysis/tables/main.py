"""The main table: how well each method does, and what that cost.

Rows are benchmarks, then "macro" (mean over benchmarks, the paper's average) and "all" (all questions pooled).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis import InputError
from analysis.intake.cells import ALL, MACRO
from analysis.intake.runs import Run
from analysis.intake.samples import CONSTANT
from analysis.statistics.intervals import Interval, over_questions, over_questions_and_runs
from analysis.statistics.metrics import avg_at_k, pass_at_k, var_between, var_within
from analysis.statistics.reported import reported
from analysis.statistics.scores import Scores
from analysis.tables.costs import TRAINING, training_costs
from analysis.tables.files import framed, read_table
from analysis.tables.names import said_of

#: Of main.csv, in its order. Rates and accuracies lie in 0 to 1; what the samples do not tell is empty.
COLUMNS: dict[str, type] = {
    "method": str,
    "benchmark": str,
    "avg_at_k": float,
    # 95%, over questions.
    "ci_low": float,
    "ci_high": float,
    "pass_at_k": float,
    "maj_at_k": float,
    # Over questions and seeds.
    "var_within": float,
    "var_between": float,
    "n_questions": float,
    # Per question and seed: the fewest.
    "n_samples": float,
    "n_seeds": float,
    # The paper's avg@k.
    "reported": float,
    "k": float,
    # The kind of ci_low and ci_high.
    "interval": str,
    # 95%, over questions and training runs.
    "nested_low": float,
    "nested_high": float,
    # Of responses; disagreement is that of the two scorers.
    "unanswered_rate": float,
    "truncated_rate": float,
    "duplicate_rate": float,
    "disagreement_rate": float,
    "n_tokens_mean": float,
    "n_characters_mean": float,
    "n_tokens_total": float,
    # Per question and seed: the most.
    "n_samples_most": float,
    # Of a training run, the mean over seeds; empty for a method without a run.
    **dict.fromkeys(TRAINING, float),
    # Of a response in evaluation: tokens that experts wrote; the policy's own are n_tokens_mean.
    "expert_tokens_mean": float,
    # What it declares that it spends beside the experiment's budget.
    "spends": str,
    # The accuracy of one and the same answer to every question, the one that is right most often.
    CONSTANT: float,
}


def main_table(scores: Scores, majority: pd.DataFrame, k: int, runs: Sequence[Run] = ()) -> pd.DataFrame:
    """Method x benchmark, with :data:`COLUMNS`.

    Args:
        scores: the experiment's scores.
        majority: maj@k of every question, as :func:`analysis.statistics.scores.majority` gives it, for all cells.
        k: the k of pass@k and maj@k. avg@k is the mean over all samples there are.
        runs: the training runs, for what they cost.

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
        costs = training_costs(method, runs) | {"spends": ", ".join(said_of(method).spends) or None}
        for benchmark in (*scores.benchmarks, MACRO, ALL):
            interval = accuracy_interval(scores, method, benchmark)
            nested = over_questions_and_runs(
                [group.to_numpy() for group in _groups(scores.accuracies(method, benchmark), benchmark)]
            )
            of_method = complete.of(method, benchmark)
            means = _benchmark_means(of_method, benchmark)
            rows.append(
                {
                    "method": method,
                    "benchmark": benchmark,
                    "avg_at_k": means.pop("avg_at_k"),
                    "ci_low": interval.low,
                    "ci_high": interval.high,
                    **{name: means.pop(name) for name in ("pass_at_k", "maj_at_k", "var_within", "var_between")},
                    **_design(of_method),
                    "reported": reported(method, benchmark, scores.benchmarks),
                    "k": k,
                    "interval": interval.kind,
                    "nested_low": nested.low,
                    "nested_high": nested.high,
                    **means,
                    **costs,
                    "n_tokens_total": float((of_method["n"] * of_method["n_tokens_mean"]).sum(skipna=False)),
                }
            )
    return framed(rows, COLUMNS)


def read_main(folder: Path) -> pd.DataFrame:
    """main.csv of a folder of tables. Raises InputError."""
    return read_table(folder, "main", COLUMNS)


def accuracy_interval(scores: Scores, method: str, benchmark: str) -> Interval:
    """95% interval, over questions, of a method's accuracy averaged over its seeds."""
    table = scores.accuracies(method, benchmark)
    groups = _groups(table, benchmark)
    return over_questions([group.mean(axis=1).to_numpy() for group in groups])


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
        "n_characters_mean": float(rows["n_characters_mean"].mean()),
        "expert_tokens_mean": float(rows["expert_tokens_mean"].mean()),
        CONSTANT: float(rows[CONSTANT].mean(skipna=False)),
    }


def _design(rows: pd.DataFrame) -> dict[str, int]:
    return {
        "n_questions": len(rows[["benchmark", "question_id"]].drop_duplicates()),
        "n_samples": int(rows["n"].min()),
        "n_samples_most": int(rows["n"].max()),
        "n_seeds": int(rows["seed"].nunique()),
    }
