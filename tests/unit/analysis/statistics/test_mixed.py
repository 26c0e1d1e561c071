"""The mixed-effects logistic model: statsmodels' own for each sample, and a second opinion on the crossed test."""

import math

import numpy as np
import pytest
from scipy import sparse
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM
from threadpoolctl import threadpool_limits

from analysis.statistics.mixed import CountsMixedGLM, mixed_logistic
from analysis.statistics.outcome import Outcome
from analysis.statistics.significance import crossed_test
from analysis.statistics.simulation import simulate


def test_counts_have_the_bound_of_as_many_single_samples() -> None:
    rng = np.random.default_rng(1)
    samples = rng.integers(1, 5, 8)
    right = rng.binomial(samples, 0.5)
    exog = np.column_stack([np.ones(8), np.tile([0.5, -0.5], 4)])
    effects = sparse.csr_array(np.kron(np.eye(4), np.ones((2, 1))))
    ident = np.zeros(4, dtype=int)
    counted = CountsMixedGLM(right.astype(float), samples.astype(float), exog, effects, ident)
    rows = np.repeat(np.arange(8), samples)
    single = np.concatenate([np.arange(n) < c for n, c in zip(samples, right, strict=True)]).astype(float)
    each = BinomialBayesMixedGLM(single, exog[rows], effects[rows], ident)
    mean, deviation = rng.normal(size=7), rng.uniform(0.2, 1.0, 7)
    assert counted.vb_elbo(mean, deviation) == pytest.approx(each.vb_elbo(mean, deviation))
    for ours, theirs in zip(counted.vb_elbo_grad(mean, deviation), each.vb_elbo_grad(mean, deviation), strict=True):
        assert ours == pytest.approx(theirs)


def fitted(a: np.ndarray, b: np.ndarray, k: int = 32) -> tuple[Outcome, Outcome]:
    crossed = crossed_test(a, b)
    samples = (np.full(a.shape, float(k)), np.full(b.shape, float(k)))
    return mixed_logistic((a, b), samples, crossed.df), crossed


def test_its_last_digits_do_not_depend_on_the_number_of_threads() -> None:
    rng = np.random.default_rng(3)
    centre = rng.uniform(0.1, 0.9, (100, 1))
    arms = [rng.binomial(4, centre, (100, 1)) / 4 for _ in range(2)]
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads, user_api="blas"):
            found.append(fitted(*arms)[0])
    assert found[0] == found[1] == found[2] and not math.isnan(found[0].p)


@pytest.mark.parametrize(("effect", "seeds"), [(0.15, (3, 3)), (-0.1, (1, 4)), (0.1, (1, 1))])
def test_it_agrees_with_the_crossed_test_in_sign_and_roughly_in_size(effect: float, seeds: tuple[int, int]) -> None:
    a, b = simulate(np.random.default_rng(2), 40, 4, 32, effect).accuracies
    model, crossed = fitted(a[:, : seeds[0]], b[:, : seeds[1]])
    assert model.difference == pytest.approx(crossed.difference, abs=0.02)
    low, high = model.interval
    assert low < model.difference < high
    assert (model.p < 0.05) == (not low <= 0 <= high)
    width = crossed.interval[1] - crossed.interval[0]
    assert 0.6 * width < high - low < 1.6 * width


def test_it_takes_the_first_minus_the_second_and_nothing_for_alike() -> None:
    a, b = simulate(np.random.default_rng(3), 15, 2, 8, 0.1).accuracies
    assert fitted(a, b, 8)[0].difference == pytest.approx(-fitted(b, a, 8)[0].difference, abs=1e-4)
    alike = fitted(a, a, 8)[0]
    assert (alike.difference, alike.p) == (0.0, 1.0)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_design_without_anything_to_tell_is_no_error(value: float) -> None:
    a = np.full((6, 2), value)
    model, _ = fitted(a, a, 4)
    assert model.difference == pytest.approx(0.0, abs=1e-3)
    assert math.isnan(fitted(a[:1], a[:1], 4)[0].difference)
