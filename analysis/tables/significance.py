"""The significance table: every declared comparison, by benchmark and test.

Rows are benchmarks, then "macro" (mean over benchmarks) and "all" (all questions pooled).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from analysis import InputError
from analysis.intake.cells import ALL, MACRO
from analysis.statistics.effects import Effect, effect_size, posterior_probability, probability_of_improvement
from analysis.statistics.intervals import of_difference
from analysis.statistics.mixed import MIXED, mixed_logistic
from analysis.statistics.outcome import Array, Outcome, only_p, per_question
from analysis.statistics.primary import Arms
from analysis.statistics.scores import Scores
from analysis.statistics.secondary import TESTS, Compared, smallest_p
from analysis.statistics.significance import PRIMARY, holm
from analysis.statistics.smallest_effect import SMALLEST_EFFECT
from analysis.statistics.variance import Parts
from analysis.statistics.verdict import has_room
from analysis.tables import verdicts
from analysis.tables.family import Member, decided
from analysis.tables.files import framed, read_table

Pair = tuple[str, str]
#: The comparison that the report answers with, where it was declared.
ANSWER: Pair = ("eapo", "self_exploratory")
NO_EFFECT = Effect(float("nan"), float("nan"), float("nan"))

#: Of significance.csv, in its order; what a test does not give is empty.
COLUMNS: dict[str, type] = {
    "method_a": str,
    "method_b": str,
    "benchmark": str,
    "test": str,
    # Of accuracies, a minus b, with its 95% interval; of maj@k for "mcnemar_majority".
    "difference": float,
    "ci_low": float,
    "ci_high": float,
    "p_value": float,
    # Holm over the pairs, within a benchmark and a test.
    "p_adjusted": float,
    # The true difference that is found with 80% power at the level alpha.
    "mde": float,
    "se": float,
    "df": float,
    "n_questions": float,
    "seeds_a": float,
    "seeds_b": float,
    # What a row that is no test of a difference estimates, and its 95% interval.
    "effect": float,
    "effect_low": float,
    "effect_high": float,
    # What the test's p cannot be below in this design.
    "p_smallest": float,
    # Of the primary test: whose training seeds are in its variance, "both", "a", "b" or "none".
    "seed_term": str,
    # The 95% interval of mde, and 0.05 over the number of comparisons, where Holm's rule is strictest.
    "mde_low": float,
    "mde_high": float,
    "alpha": float,
    **verdicts.COLUMNS,
}


def significance_table(
    scores: Scores,
    pairs: Sequence[Pair],
    majority: pd.DataFrame | None = None,
    smallest_effect: float = SMALLEST_EFFECT,
) -> pd.DataFrame:
    """Pair x benchmark x test, for the declared family of comparisons, with :data:`COLUMNS`.

    "crossed" is the primary test, "mixed_logistic" (of all questions alone) a model beside it, "bootstrap_questions" an
    interval without a test; "effect_size", "probability_of_improvement" and "posterior_probability" test no difference.
    A test that the design does not allow has no row.

    Args:
        scores: the experiment's scores.
        pairs: the declared comparisons.
        majority: maj@k of every question, as :func:`analysis.statistics.scores.majority` gives it; None: no McNemar
            test.
        smallest_effect: of interest, in accuracy.

    Raises:
        InputError: a pair names a method that has no scores.
    """
    tested: list[Member] = []
    for a, b in pairs:
        scores.require(f"pair {a}:{b}", a, b)
        for benchmark in (*scores.benchmarks, MACRO, ALL):
            tested += compared(scores, majority, a, b, benchmark)
    rows = decided(tested, holm)
    verdicts.conclude_each(tested, smallest_effect)
    return framed(rows, COLUMNS)


def read_significance(folder: Path) -> pd.DataFrame:
    """significance.csv of a folder of tables. Raises InputError."""
    return read_table(folder, "significance", COLUMNS)


def declared_comparisons(significance: pd.DataFrame) -> pd.DataFrame:
    """The declared family by its primary test, on all questions. Raises InputError if there is none."""
    rows = significance[(significance["benchmark"] == ALL) & (significance["test"] == PRIMARY)]
    if rows.empty:
        raise InputError(f"significance.csv: has no row with benchmark {ALL!r} and test {PRIMARY!r}")
    return rows


def primary_comparison(significance: pd.DataFrame) -> pd.Series:
    """The row that the report answers with: EAPO against self-exploratory RL where declared, else the first declared.

    Raises InputError as :func:`declared_comparisons`.
    """
    rows = declared_comparisons(significance)
    answer = (rows["method_a"] == ANSWER[0]) & (rows["method_b"] == ANSWER[1])
    return rows[answer].iloc[0] if answer.any() else rows.iloc[0]


def beside(significance: pd.DataFrame, comparison: pd.Series, test: str) -> pd.Series | None:
    """The row of another test beside a row of :func:`declared_comparisons`; None where there is none."""
    same = significance["test"] == test
    for key in ("method_a", "method_b", "benchmark"):
        same &= significance[key] == comparison[key]
    rows = significance[same & significance["difference"].notna()]
    return None if rows.empty else rows.iloc[0]


def compared(scores: Scores, majority: pd.DataFrame | None, a: str, b: str, benchmark: str) -> Iterator[Member]:
    """The rows of one pair on one benchmark, or on several, a test each; arguments as of :func:`significance_table`."""
    arms = Arms.of(scores, a, b, benchmark)
    seeds = (arms.a.shape[1], arms.b.shape[1])
    outcome, parts = arms.test()
    results = [(PRIMARY, outcome, parts, NO_EFFECT)]
    if benchmark != MACRO:
        votes = None if majority is None else (_majorities(majority, a, benchmark), _majorities(majority, b, benchmark))
        if benchmark == ALL:
            samples = (scores.samples(a, ALL).to_numpy(), scores.samples(b, ALL).to_numpy())
            results.append((MIXED, mixed_logistic((arms.a, arms.b), samples, outcome.df), None, NO_EFFECT))
        tests = _tests(Compared(arms.a, arms.b, votes, arms.same_seeds))
        results += [(name, one, Parts.of_error(one.se, one.df), NO_EFFECT) for name, one in tests]
        plain = only_p(arms.a.mean() - arms.b.mean())
        results += [(name, plain, None, effect) for name, effect in _effects(scores, a, b, benchmark, arms)]
    for name, one, variance, effect in results:
        row: dict[str, object] = {
            "method_a": a,
            "method_b": b,
            "benchmark": benchmark,
            "test": name,
            "se": one.se,
            "df": one.df,
            "n_questions": len(arms.a),
            "seeds_a": seeds[0],
            "seeds_b": seeds[1],
            "effect": effect.value,
            "effect_low": effect.low,
            "effect_high": effect.high,
            "p_smallest": smallest_p(*seeds) if name == "permutation_seeds" else float("nan"),
            "seed_term": _seed_term(*seeds) if name == PRIMARY else None,
            "room": has_room(arms.a.mean(), arms.b.mean()),
        }
        yield Member((benchmark, name), row, one, variance)


def _seed_term(seeds_a: int, seeds_b: int) -> str:
    return {(True, True): "both", (True, False): "a", (False, True): "b", (False, False): "none"}[
        seeds_a > 1, seeds_b > 1
    ]


def _tests(two: Compared) -> Iterator[tuple[str, Outcome]]:
    d = per_question(two.a, two.b)
    interval = of_difference(d)
    yield "bootstrap_questions", only_p(d.mean())._replace(interval=(interval.low, interval.high))
    for name, test in TESTS.items():
        outcome = test(two)
        if outcome is not None:
            yield name, outcome


def _effects(scores: Scores, a: str, b: str, benchmark: str, arms: Arms) -> Iterator[tuple[str, Effect]]:
    yield "effect_size", effect_size(arms.a, arms.b)
    yield "probability_of_improvement", probability_of_improvement(arms.a, arms.b)
    first, second = (scores.counts(method, benchmark) for method in (a, b))
    above = posterior_probability((first["correct"], first["n"]), (second["correct"], second["n"]))
    yield "posterior_probability", Effect(above, float("nan"), float("nan"))


def _majorities(majority: pd.DataFrame, method: str, benchmark: str) -> Array:
    rows = majority[majority["method"] == method]
    if benchmark != ALL:
        rows = rows[rows["benchmark"] == benchmark]
    return rows.pivot(index=["benchmark", "question_id"], columns="seed", values="maj_at_k").to_numpy()
