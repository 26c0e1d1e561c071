"""The tests beside the primary one, effects and adjustments, against enumeration and independent computation."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.effects import effect_size, posterior_probability, probability_of_improvement
from analysis.statistics.intervals import over_questions_and_runs
from analysis.statistics.secondary import (
    crossed_paired,
    mcnemar_majority,
    permutation_seeds,
    smallest_p,
    wilcoxon_questions,
)
from analysis.statistics.significance import bh, crossed_test

# Whether a call is quick depends on the machine.
untimed = settings(deadline=None, max_examples=30)


def test_pairs_of_runs_hold_the_level_and_find_more_where_seeds_are_shared() -> None:
    rng = np.random.default_rng(8)
    false, found, unpaired = 0, 0, 0
    for _ in range(120):
        shared = rng.normal(0, 0.04, 8) + rng.normal(0, 0.1, (60, 8))
        a, b = (shared + rng.normal(0, 0.02, 8) + rng.normal(0, 0.05, (60, 8)) for _ in range(2))
        false += crossed_paired(a, b).p < 0.05
        found += crossed_paired(a + 0.035, b).p < 0.05
        unpaired += crossed_test(a + 0.035, b).p < 0.05
    assert false / 120 < 0.12 and found / 120 > 0.7 and unpaired < found / 2
    assert math.isnan(crossed_paired(a, b[:, :7]).p) and math.isnan(crossed_paired(a[:, :1], b[:, :1]).p)
    assert math.isnan(crossed_paired(a[:1], b[:1]).p)


@untimed
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 4))
def test_permutation_over_seeds_equals_enumeration(seed: int, s_a: int, s_b: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((6, s_a)), rng.random((6, s_b))
    runs = np.concatenate([a.mean(axis=0), b.mean(axis=0)])
    observed = a.mean() - b.mean()
    others = []
    for chosen in combinations(range(s_a + s_b), s_a):
        rest = [run for run in range(s_a + s_b) if run not in chosen]
        others.append(runs[list(chosen)].mean() - runs[rest].mean())
    above = np.mean([other >= observed - 1e-12 for other in others])
    below = np.mean([other <= observed + 1e-12 for other in others])
    got = permutation_seeds(a, b)
    assert got.difference == pytest.approx(observed)
    assert got.p == pytest.approx(min(1.0, 2 * min(above, below)))
    assert got.p >= smallest_p(s_a, s_b) - 1e-12


def test_the_smallest_p_is_that_of_separated_runs() -> None:
    assert [smallest_p(s, s) for s in (3, 4, 5)] == pytest.approx([0.1, 2 / 70, 2 / 252])
    a, b = np.full((4, 5), 0.9), np.full((4, 5), 0.1)
    assert permutation_seeds(a, b).p == pytest.approx(smallest_p(5, 5))
    assert math.isnan(permutation_seeds(a, b[:, :1]).p)


@untimed
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_mcnemar_is_a_binomial_test_of_the_discordant_questions(pairs: list[tuple[bool, bool]]) -> None:
    a, b = (np.array([[float(pair[arm])] for pair in pairs]) for arm in (0, 1))
    only_a, only_b = (sum(x and not y for x, y in pairs), sum(y and not x for x, y in pairs))
    expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    got = mcnemar_majority(a, b)
    assert (got.p, got.difference) == pytest.approx((expected, (only_a - only_b) / len(pairs)))


def test_mcnemar_takes_the_majority_of_the_seeds_and_no_tie() -> None:
    a = np.array([[1.0, 1.0, 0.0], [1.0, 0.5, 0.0], [0.0, 0.0, 0.0]])
    assert mcnemar_majority(a, np.zeros((3, 1))).difference == pytest.approx(1 / 3)


@pytest.mark.parametrize("questions", [2, 5, 9, 30])
def test_wilcoxon_is_scipys_with_pratts_zeros(questions: int) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 5, (questions, 1)) / 4, rng.integers(0, 5, (questions, 1)) / 4
    assert (a != b).any()
    expected = stats.wilcoxon(a[:, 0], b[:, 0], zero_method="pratt").pvalue
    assert wilcoxon_questions(a, b).p == pytest.approx(expected)
    assert wilcoxon_questions(a, a).p == 1.0
    assert math.isnan(wilcoxon_questions(a[:1], b[:1]).p)


def test_benjamini_hochberg_equals_its_definition() -> None:
    p = [0.04, 0.01, math.nan, 0.03, 0.5]
    assert bh(p) == pytest.approx([0.16 / 3, 0.04, math.nan, 0.16 / 3, 0.5], nan_ok=True)


@untimed
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
def test_probability_of_improvement_is_the_mean_over_all_pairs_of_runs(seed: int, s_a: int, s_b: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, (7, s_a)) / 3, rng.integers(0, 4, (7, s_b)) / 3
    pairs = [1.0 if x > y else 0.5 if x == y else 0.0 for q in range(7) for x, y in product(a[q], b[q])]
    got = probability_of_improvement(a, b)
    assert got.value == pytest.approx(np.mean(pairs))
    wins = [stats.mannwhitneyu(x, y, alternative="greater").statistic for x, y in zip(a, b, strict=True)]
    assert got.value == pytest.approx(np.mean(wins) / (s_a * s_b))
    assert math.isnan(got.low) if min(s_a, s_b) == 1 else 0 <= got.low <= got.value <= got.high <= 1


def test_its_interval_is_welchs_of_whole_runs() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.random((20, 4)), rng.random((20, 3)) * 0.8
    wins = np.array([[np.mean(x > y) for y in b.T] for x in a.T])
    parts = np.array([wins.mean(axis=1).var(ddof=1) / 4, wins.mean(axis=0).var(ddof=1) / 3])
    df = parts.sum() ** 2 / (parts**2 / [3, 2]).sum()
    value = wins.mean()
    margin = stats.t.ppf(0.975, df) * math.sqrt(parts.sum()) / (value * (1 - value))
    ends = [1 / (1 + math.exp(-(math.log(value / (1 - value)) + sign * margin))) for sign in (-1, 1)]
    got = probability_of_improvement(a, b)
    assert (got.low, got.high) == pytest.approx(ends)
    always = probability_of_improvement(a + 1, b)
    assert always == (1.0, 1.0, 1.0)


def test_the_interval_with_runs_is_that_of_one_arm_of_the_crossed_test() -> None:
    rng = np.random.default_rng(3)
    table = rng.uniform(0.3, 0.7, (25, 4))
    seed, question = table.mean(axis=0).var(ddof=1) / 4, table.mean(axis=1).var(ddof=1) / 25
    residuals = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    variance = max(seed + question - (residuals**2).sum() / (24 * 3) / 100, seed, question)
    df = variance**2 / (seed**2 / 3 + question**2 / 24)
    got = over_questions_and_runs([table])
    assert (got.low, got.high) == pytest.approx(stats.t.interval(0.95, df, table.mean(), math.sqrt(variance)))
    one = over_questions_and_runs([table[:, :1]])
    expected = stats.t.interval(0.95, 24, table[:, 0].mean(), stats.sem(table[:, 0]))
    assert (one.low, one.high) == pytest.approx(expected)
    groups = over_questions_and_runs([table[:5], table[5:]])
    assert (groups.low + groups.high) / 2 == pytest.approx((table[:5].mean() + table[5:].mean()) / 2)
    assert math.isnan(over_questions_and_runs([np.zeros((5, 2))]).low)
    assert math.isnan(over_questions_and_runs([table[:1]]).low)
    assert over_questions_and_runs([rng.choice([0.0, 1.0], (3, 2), p=[0.1, 0.9])]).high <= 1.0


def test_effect_size_is_cohens_d_of_pairs() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.random((40, 3)), rng.random((40, 2)) - 0.2
    d = a.mean(axis=1) - b.mean(axis=1)
    got = effect_size(a, b)
    assert got.value == pytest.approx(stats.ttest_1samp(d, 0).statistic / math.sqrt(40))
    assert got.low < got.value < got.high
    assert effect_size(a, a).value == 0.0
    assert effect_size(np.full((3, 1), 0.75), np.full((3, 1), 0.5)).value == math.inf
    assert math.isnan(effect_size(a[:1], b[:1]).value)


@untimed
@given(st.integers(0, 8), st.integers(0, 8))
def test_posterior_probability_of_one_question_equals_quadrature(c_a: int, c_b: int) -> None:
    grid = (np.arange(4000) + 0.5) / 4000
    density = stats.beta.pdf(grid, c_a + 1, 8 - c_a + 1) / 4000
    expected = float((density * stats.beta.cdf(grid, c_b + 1, 8 - c_b + 1)).sum())
    assert posterior_probability(([c_a], [8]), ([c_b], [8])) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (([5], [4]), ([1], [4]), "allowed are 0 to the number of samples"),
        (([1, 2], [4, 4]), ([1], [4]), "a has 2 questions, b has 1"),
        (([], []), ([], []), "needed are two of"),
    ],
)
def test_counts_that_are_none_are_refused(a: tuple, b: tuple, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        posterior_probability(a, b)
