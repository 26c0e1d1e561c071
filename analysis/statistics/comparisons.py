"""The significance table: every declared comparison, by benchmark and test.

Rows are benchmarks, then "macro" (mean over benchmarks) and "all" (all questions pooled).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.intake.scores import ALL, MACRO, Scores
from analysis.statistics.effects import Effect, effect_size, posterior_probability, probability_of_improvement
from analysis.statistics.intervals import of_difference
from analysis.statistics.outcome import Array, Outcome, only_p, per_question
from analysis.statistics.power import minimum_detectable_effect
from analysis.statistics.secondary import (
    mcnemar_majority,
    paired_t_questions,
    paired_t_seeds,
    permutation_seeds,
    sign_flip_questions,
    smallest_p,
    wilcoxon_questions,
)
from analysis.statistics.significance import crossed_test, holm

Pair = tuple[str, str]
PRIMARY = "crossed"
NO_EFFECT = Effect(float("nan"), float("nan"), float("nan"))


def significance_table(scores: Scores, pairs: Sequence[Pair], majority: pd.DataFrame | None = None) -> pd.DataFrame:
    """Pair x benchmark x test, for the declared family of comparisons.

    Columns: method_a, method_b, benchmark, test, difference (a minus b, of accuracies; of maj@k for
    "mcnemar_majority"), ci_low, ci_high (95%), p_value, p_adjusted (Holm over the pairs, within a benchmark and a
    test), mde (true difference that this design finds with 80% power), then se, df, n_questions, seeds_a, seeds_b;
    effect, effect_low, effect_high (what a row that is no test of a difference estimates, and its 95% interval:
    "effect_size", "probability_of_improvement", "posterior_probability"); p_smallest (what the test's p cannot be
    below in this design); seed_term (of "crossed": whether the variance of training seeds is in the test for "both"
    methods, for "a" or "b" alone or for "none"; a method with one seed has no such term). "crossed" is the primary
    test, "bootstrap_questions" an interval without a test. A test that the design does not allow has no row.

    Args:
        scores: the experiment's scores.
        pairs: the declared comparisons.
        majority: maj@k of every question, as :func:`analysis.intake.scores.majority` gives it; None: no McNemar test.

    Raises:
        InputError: a pair names a method that has no scores.
    """
    rows: list[dict[str, object]] = []
    for a, b in pairs:
        scores.require(f"pair {a}:{b}", a, b)
        for benchmark in (*scores.benchmarks, MACRO, ALL):
            rows += _compare(scores, majority, a, b, benchmark)
    table = pd.DataFrame(rows)
    for _, family in table.groupby(["benchmark", "test"]):
        table.loc[family.index, "p_adjusted"] = holm(list(family["p_value"]))
    return table


def primary_test(scores: Scores, a: str, b: str, benchmark: str) -> Outcome:
    """The crossed test of two methods on a benchmark; stratified by benchmark for "macro"."""
    table_a, table_b = scores.accuracies(a, benchmark), scores.accuracies(b, benchmark)
    strata = list(table_a.index.get_level_values("benchmark")) if benchmark == MACRO else None
    return crossed_test(table_a.to_numpy(), table_b.to_numpy(), strata)


def _compare(
    scores: Scores, majority: pd.DataFrame | None, a: str, b: str, benchmark: str
) -> Iterator[dict[str, object]]:
    table_a, table_b = scores.accuracies(a, benchmark), scores.accuracies(b, benchmark)
    first, second = table_a.to_numpy(), table_b.to_numpy()
    results = [(PRIMARY, primary_test(scores, a, b, benchmark), NO_EFFECT)]
    if benchmark != MACRO:
        same_seeds = list(table_a.columns) == list(table_b.columns)
        results += [(name, outcome, NO_EFFECT) for name, outcome in _tests(first, second, same_seeds)]
        if majority is not None:
            votes = [_majorities(majority, method, benchmark) for method in (a, b)]
            results.append(("mcnemar_majority", mcnemar_majority(*votes), NO_EFFECT))
        plain = only_p(first.mean() - second.mean())
        results += [(name, plain, effect) for name, effect in _effects(scores, a, b, benchmark, first, second)]
    seeds = (first.shape[1], second.shape[1])
    for name, outcome, effect in results:
        yield {
            "method_a": a,
            "method_b": b,
            "benchmark": benchmark,
            "test": name,
            "difference": outcome.difference,
            "ci_low": outcome.interval[0],
            "ci_high": outcome.interval[1],
            "p_value": outcome.p,
            "p_adjusted": float("nan"),
            "mde": minimum_detectable_effect(outcome.se, outcome.df),
            "se": outcome.se,
            "df": outcome.df,
            "n_questions": len(first),
            "seeds_a": seeds[0],
            "seeds_b": seeds[1],
            "effect": effect.value,
            "effect_low": effect.low,
            "effect_high": effect.high,
            "p_smallest": smallest_p(*seeds) if name == "permutation_seeds" else float("nan"),
            "seed_term": _seed_term(*seeds) if name == PRIMARY else None,
        }


def _seed_term(seeds_a: int, seeds_b: int) -> str:
    return {(True, True): "both", (True, False): "a", (False, True): "b", (False, False): "none"}[
        seeds_a > 1, seeds_b > 1
    ]


def _tests(first: Array, second: Array, same_seeds: bool) -> Iterator[tuple[str, Outcome]]:
    d = per_question(first, second)
    interval = of_difference(d)
    yield "bootstrap_questions", only_p(d.mean())._replace(interval=(interval.low, interval.high))
    yield "paired_t_questions", paired_t_questions(first, second)
    yield "sign_flip_questions", sign_flip_questions(first, second)
    yield "wilcoxon_questions", wilcoxon_questions(first, second)
    if min(first.shape[1], second.shape[1]) >= 2:
        if same_seeds:
            yield "paired_t_seeds", paired_t_seeds(first, second)
        yield "permutation_seeds", permutation_seeds(first, second)


def _effects(
    scores: Scores, a: str, b: str, benchmark: str, first: Array, second: Array
) -> Iterator[tuple[str, Effect]]:
    yield "effect_size", effect_size(first, second)
    yield "probability_of_improvement", probability_of_improvement(first, second)
    above = posterior_probability(_counts(scores, a, benchmark), _counts(scores, b, benchmark))
    yield "posterior_probability", Effect(above, float("nan"), float("nan"))


def _counts(scores: Scores, method: str, benchmark: str) -> tuple[pd.Series, pd.Series]:
    """Right samples and samples of each question over all seeds."""
    counts = scores.of(method, benchmark).groupby(["benchmark", "question_id"])[["correct", "n"]].sum()
    return counts["correct"], counts["n"]


def _majorities(majority: pd.DataFrame, method: str, benchmark: str) -> Array:
    rows = majority[majority["method"] == method]
    if benchmark != ALL:
        rows = rows[rows["benchmark"] == benchmark]
    return rows.pivot(index=["benchmark", "question_id"], columns="seed", values="maj_at_k").to_numpy()
