"""Metrics, tests and intervals against direct computation, enumeration and simulation."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.statistics.intervals import over_questions
from analysis.statistics.metrics import avg_at_k, duplicate_rate, maj_at_k, pass_at_k, var_between, var_within
from analysis.statistics.rejection import minimum_detectable_effect
from analysis.statistics.reported import PAPER_BENCHMARKS, reported, reported_difference
from analysis.statistics.secondary import paired_t_questions, paired_t_seeds, sign_flip_questions
from analysis.statistics.significance import bh, crossed_test, holm

# Whether a call is quick depends on the machine.
untimed = settings(deadline=None, max_examples=50)
accuracy_tables = arrays(
    float, st.tuples(st.integers(2, 12), st.integers(1, 5)), elements=st.sampled_from(np.arange(33) / 32)
)


@untimed
@given(st.integers(1, 9), st.data())
def test_pass_at_k_equals_enumeration(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = [any(index < c for index in draw) for draw in combinations(range(n), k)]
    assert pass_at_k(n, c, k) == pytest.approx(np.mean(draws))


def test_pass_at_k_is_stable_for_large_n() -> None:
    exact = 1 - math.comb(99_000, 5_000) / math.comb(100_000, 5_000)
    assert pass_at_k(100_000, 1_000, 5_000) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("n", "c", "k"), [(4, 5, 1), (4, -1, 1), (4, 2, 0), (4, 2, 5)])
def test_pass_at_k_refuses_what_is_undefined(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="allowed are"):
        pass_at_k(n, c, k)


@pytest.mark.parametrize("p", [[], [0.5, math.nan], [1.2], [[0.1, -0.1]]])
def test_accuracies_that_are_none_are_refused(p: list) -> None:
    for metric in (avg_at_k, var_within, var_between):
        with pytest.raises(ValueError, match="each from 0 to 1"):
            metric(p)
    with pytest.raises(ValueError, match="needed is at least one"):
        duplicate_rate([])


@untimed
@given(accuracy_tables)
def test_variance_splits_into_within_and_between(p: np.ndarray) -> None:
    mean = avg_at_k(p)
    assert var_within(p) + var_between(p) == pytest.approx(mean * (1 - mean))


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        (["7", "7", "8"], 1.0),
        (["8", "8", "7"], 0.0),
        (["8", "7"], 0.5),
        (["7", "8", "9", "9", "8", "7"], 1 / 3),
        ([None, None, "7"], 1.0),
        ([None, None], 0.0),
    ],
)
def test_majority_and_its_ties(votes: list[str | None], expected: float) -> None:
    for order in (votes, votes[::-1]):
        assert maj_at_k(order, [vote == "7" for vote in order]) == pytest.approx(expected)


def test_duplicates_are_counted_beyond_the_first() -> None:
    assert duplicate_rate(["a", "b", "c"]) == 0.0
    assert duplicate_rate(["a", "a", "a", "b"]) == 0.5


def direct_crossed(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Difference, variance and degrees of freedom for equal S >= 2, as the formula is written in the literature."""
    n, s = a.shape
    d = a.mean(axis=1) - b.mean(axis=1)
    seed = (np.var(a.mean(axis=0), ddof=1) + np.var(b.mean(axis=0), ddof=1)) / s
    squares = 0.0
    for arm in (a, b):
        for i in range(n):
            for j in range(s):
                squares += (arm[i, j] - arm[i].mean() - arm[:, j].mean() + arm.mean()) ** 2
    question = np.var(d, ddof=1) / n
    variance = max(seed + question - squares / ((n - 1) * (s - 1)) / (n * s), question, seed)
    return d.mean(), variance, variance**2 / (seed**2 / (2 * (s - 1)) + question**2 / (n - 1))


@untimed
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(2, 6))
def test_crossed_test_equals_a_direct_computation(seed: int, n: int, s: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((n, s)), rng.random((n, s))
    difference, variance, df = direct_crossed(a, b)
    got = crossed_test(a, b)
    assert (got.difference, got.se, got.df) == pytest.approx((difference, math.sqrt(variance), df))
    assert got.p == pytest.approx(2 * stats.t.sf(abs(difference) / math.sqrt(variance), df))
    assert got.interval == pytest.approx(stats.t.interval(0.95, df, difference, math.sqrt(variance)))


@untimed
@given(accuracy_tables, st.integers(1, 4), st.integers(0, 99))
def test_crossed_test_is_antisymmetric(a: np.ndarray, seeds: int, seed: int) -> None:
    b = np.random.default_rng(seed).random((len(a), seeds))
    forth, back = crossed_test(a, b), crossed_test(b, a)
    assert forth.difference == pytest.approx(-back.difference, abs=1e-12)
    assert (forth.se, forth.df, forth.p) == pytest.approx((back.se, back.df, back.p))
    assert forth.interval == pytest.approx((-back.interval[1], -back.interval[0]))


def test_one_seed_each_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.random((30, 1)), rng.random((30, 1))
    expected = stats.ttest_rel(a[:, 0], b[:, 0])
    for got in (crossed_test(a, b), paired_t_questions(a, b)):
        assert (got.p, got.df) == pytest.approx((expected.pvalue, 29))


def test_a_deterministic_arm_has_no_seed_term() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.random((20, 4)), rng.random((20, 1))
    got = crossed_test(a, b)
    seed = np.var(a.mean(axis=0), ddof=1) / 4
    question = np.var(a.mean(axis=1) - b[:, 0], ddof=1) / 20
    residuals = a - a.mean(axis=0) - a.mean(axis=1, keepdims=True) + a.mean()
    variance = max(seed + question - (residuals**2).sum() / (19 * 3) / 80, seed, question)
    assert got.se == pytest.approx(math.sqrt(variance))
    assert got.df == pytest.approx(variance**2 / (seed**2 / 3 + question**2 / 19))


def test_strata_of_equal_size_leave_the_difference_and_drop_what_lies_between_them() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.random((40, 3)), rng.random((40, 3))
    a[:20] += 0.5
    plain, stratified = crossed_test(a, b), crossed_test(a, b, ["x"] * 20 + ["y"] * 20)
    assert stratified.difference == pytest.approx(plain.difference)
    assert stratified.se < plain.se
    unequal = crossed_test(a, b, ["x"] * 10 + ["y"] * 30)
    d = a.mean(axis=1) - b.mean(axis=1)
    assert unequal.difference == pytest.approx((d[:10].mean() + d[10:].mean()) / 2)


def test_corner_cases_are_defined() -> None:
    rng = np.random.default_rng(8)
    a = rng.random((10, 3))
    identical = crossed_test(a, a)
    assert (identical.difference, identical.p) == (0.0, 1.0)
    flat = np.full((10, 3), 0.3)
    assert crossed_test(flat, flat)[:2] == (0.0, 0.0)
    assert crossed_test(flat, flat).p == 1.0
    constant = crossed_test(flat + 0.1, flat)
    assert (constant.se, constant.p) == (0.0, 0.0)
    assert constant.interval == (constant.difference, constant.difference)
    for test in (crossed_test, paired_t_questions, sign_flip_questions):
        single = test(a[:1], flat[:1])
        assert single.difference == pytest.approx(a[0].mean() - 0.3)
        assert math.isnan(single.p)
    assert math.isnan(paired_t_seeds(a, flat[:, :2]).p)
    assert math.isnan(paired_t_seeds(a[:, :1], flat[:, :1]).p)


def test_missing_cells_are_named() -> None:
    a = np.full((4, 3), 0.5)
    a[2, 1] = a[3, 0] = np.nan
    with pytest.raises(ValueError, match=r"b: missing cells \(question, seed\): \(2, 1\), \(3, 0\)"):
        crossed_test(np.zeros((4, 3)), a)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (np.zeros((4, 3)), np.zeros((5, 3)), "a has 4 questions, b has 5"),
        (np.zeros(4), np.zeros((4, 1)), r"a: shape \(4,\)"),
        (np.zeros((4, 1)), np.zeros((0, 1)), r"b: shape \(0, 1\)"),
    ],
)
def test_wrong_shapes_are_refused(a: np.ndarray, b: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        crossed_test(a, b)


def test_sign_flip_is_exact_for_few_questions() -> None:
    a, b = np.array([[0.5], [0.6], [0.9], [0.4]]), np.array([[0.1], [0.3], [0.2], [0.35]])
    assert sign_flip_questions(a, b).p == pytest.approx(2 / 2**4)


def test_paired_t_over_seeds_equals_scipy() -> None:
    rng = np.random.default_rng(9)
    a, b = rng.random((12, 4)), rng.random((12, 4))
    got = paired_t_seeds(a, b)
    assert got.p == pytest.approx(stats.ttest_rel(a.mean(axis=0), b.mean(axis=0)).pvalue)
    assert got.interval[0] < got.difference < got.interval[1]


def test_holm_steps_down_and_ignores_undefined() -> None:
    assert holm([0.01, 0.04, math.nan, 0.03]) == pytest.approx([0.03, 0.06, math.nan, 0.06], nan_ok=True)
    assert all(math.isnan(p) for p in holm([math.nan]))


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjustments_equal_an_independent_implementation(p: list[float]) -> None:
    for adjust, method in ((holm, "holm"), (bh, "fdr_bh")):
        assert adjust(p) == pytest.approx(list(multipletests(p, method=method)[1]))


@untimed
@given(st.floats(0.001, 0.2), st.floats(1, 300))
def test_minimum_detectable_effect_is_found_four_times_in_five(se: float, df: float) -> None:
    mde = minimum_detectable_effect(se, df)
    assert stats.nct.sf(stats.t.ppf(0.975, df), df, mde / se) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(("se", "df"), [(math.nan, 10), (0.0, 10), (0.1, math.nan)])
def test_minimum_detectable_effect_may_be_undefined(se: float, df: float) -> None:
    assert math.isnan(minimum_detectable_effect(se, df))


def test_intervals_and_what_stands_in_for_them() -> None:
    rng = np.random.default_rng(10)
    groups = [rng.beta(1, 2, 30), rng.beta(1, 2, 10)]
    interval = over_questions(groups)
    assert interval == over_questions(groups)
    assert interval.kind == "BCa"
    mean = np.mean([group.mean() for group in groups])
    half = 1.96 * math.sqrt(sum(group.var(ddof=1) / len(group) for group in groups)) / 2
    assert (interval.low, interval.high) == pytest.approx((mean - half, mean + half), abs=0.25 * half)
    floor = over_questions([np.zeros(30)])
    assert (floor.low, floor.kind) == (pytest.approx(0.0, abs=1e-12), "Wilson")
    assert 0.05 < floor.high < 0.15
    single = over_questions([np.array([0.4])])
    assert single.low < 0.4 < single.high


def test_the_papers_numbers_stand_beside_its_own_benchmarks_only() -> None:
    assert reported("eapo", "macro", PAPER_BENCHMARKS) == reported("eapo_paper", "macro", PAPER_BENCHMARKS) == 0.6407
    assert math.isnan(reported("eapo", "macro", {"chains_a"})) and math.isnan(reported("mine", "aimo_2025", ()))
    assert reported_difference("eapo", "self_exploratory") == pytest.approx(0.0491)
    assert reported_difference("eapo", "mine") is None
    assert reported_difference("eapo", "eapo_paper") is reported_difference("eapo", "eapo_one_expert") is None
    # The paper's own ablations; its experts are replicas of one model.
    assert reported_difference("eapo_homogeneous", "eapo_one_expert") == pytest.approx(-0.0522)
    assert reported_difference("eapo", "eapo_sequential") == pytest.approx(0.0228)
