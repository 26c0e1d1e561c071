"""A mixed-effects logistic model beside the crossed test: the same sources of chance, on the scale of odds.

It weighs questions otherwise (two points at 95% are more there than two at 50%), and its variances are those
of a model, not of means. So it is a second opinion on a difference's sign and size, and decides nothing.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse, special, stats
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM, glw
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController

from analysis.statistics.outcome import ALPHA, Array, Outcome, only_p

#: What the significance table calls :func:`mixed_logistic`.
MIXED = "mixed_logistic"
# Log odds: the search for the best fit ends about as near to it, so that no less than this is a difference.
_NOTHING = 1e-4
# Sums of several threads differ in their last digits with the number of these, and so would tables.
_THREADS = ThreadpoolController()


class CountsMixedGLM(BinomialBayesMixedGLM):
    """statsmodels' model with a row for several samples, of which so many are right.

    Its own takes 0 and 1 alone, a row for each sample: the same likelihood, for as many times the work.
    """

    def __init__(self, right: Array, samples: Array, exog: Array, exog_vc: sparse.csr_array, ident: Array) -> None:
        """``right`` of ``samples`` in each row; the rest as statsmodels has it."""
        # It asks for both 0 and 1, and keeps what it is given.
        super().__init__(np.arange(len(right)) % 2, exog, exog_vc, ident)
        self.endog = right
        self.samples = samples

    def vb_elbo_base(self, h: Callable[[float], Array], *rest: Any) -> Any:
        """The evidence's lower bound: a sample's share of it, ``h``, as often as there are samples."""
        return super().vb_elbo_base(lambda z: self.samples * h(z), *rest)

    def vb_elbo_grad_base(
        self, h: Callable[[float], Array], tm: Array, tv: Array, *effects: Array
    ) -> tuple[Array, Array]:
        """Its gradient, likewise. It is linear in what the quadrature's points give: these are summed first.

        ``effects``: means of coefficients, log deviations and effects, then the deviations of these three.
        """
        level, spread = self.endog.copy(), np.zeros_like(tm)
        for weight, point in glw:
            z = self.rng * point
            density = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
            share = self.rng * weight * density * self.samples * h(z)
            level += share
            spread += z * share / np.sqrt(tv)
        *_, coefficient_sd, log_sd, effect_sd = effects
        ours = (
            level @ self.exog,
            spread @ self.exog**2 * coefficient_sd,
            0.0,
            0.0,
            self.exog_vc.T @ level,
            self.exog_vc2.T @ spread * effect_sd,
        )
        coefficients, logs, realised = effects[:3]
        priors = self._elbo_grad_common(coefficients, coefficient_sd, logs, log_sd, realised, effect_sd)
        means_and_sds = [one + prior for one, prior in zip(ours, priors, strict=True)]
        sds = [one + 1 / sd for one, sd in zip(means_and_sds[1::2], effects[3:], strict=True)]
        return np.concatenate(means_and_sds[::2]), np.concatenate(sds)


@_THREADS.wrap(limits=1, user_api="blas")
def mixed_logistic(accuracies: tuple[Array, Array], samples: tuple[Array, Array], df: float) -> Outcome:
    """Difference of two methods by a logistic model with questions and training runs as random effects.

    log odds of a right sample = intercept + method + question + question x method + run. The last three are normal
    about 0, with standard deviations of their own; a method with one run has no run effect, as in the crossed test.
    Fitted by statsmodels' variational Bayes, with its default priors (standard deviations log-normal about 1,
    coefficients normal with deviation 2). That takes effects for independent of each other, and its coefficients for
    surer than they are: the standard error of the method's is taken from the joint curvature at the fit instead, the
    standard deviations held.

    Args:
        accuracies: [questions, seeds] of either method, on the same questions in the same order.
        samples: that each is of, likewise.
        df: degrees of freedom of the crossed test, which the coefficient's t has too.

    Returns:
        the mean over these questions of what the coefficient changes in the chance of a right sample, in accuracy; its
        interval, that of the coefficient on this scale; the coefficient's p. Undefined (NaN) for one question, where
        ``df`` is undefined, and where the fit does not converge.
    """
    questions = len(accuracies[0])
    if questions < 2 or math.isnan(df):
        return only_p(math.nan)
    model, start = _model(accuracies, samples)
    # Where a step of the search goes too far, the bound is infinite, and it steps back.
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        # It is told by success below.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # With a longer memory it needs two thirds of the steps.
        fit = model.fit_vb(start, np.full(len(start), 0.5), fit_method="L-BFGS-B", minim_opts={"maxcor": 50})
    if not fit.optim_retvals.success:
        return only_p(math.nan)
    intercept, coefficient = fit.fe_mean
    if abs(coefficient) < _NOTHING:
        coefficient = 0.0
    error = _standard_error(model, fit.fe_mean, fit.vcp_mean, fit.vc_mean)
    at_question = intercept + fit.vc_mean[:questions]

    def difference(value: float) -> float:
        return float(np.mean(special.expit(at_question + value / 2) - special.expit(at_question - value / 2)))

    margin = stats.t.ppf(1 - ALPHA / 2, df) * error
    return Outcome(
        difference=difference(coefficient),
        se=math.nan,
        df=df,
        interval=(difference(coefficient - margin), difference(coefficient + margin)),
        p=float(2 * stats.t.sf(abs(coefficient) / error, df)),
    )


def _model(accuracies: tuple[Array, Array], samples: tuple[Array, Array]) -> tuple[CountsMixedGLM, Array]:
    """The model, a row for each question and run, and where its fit starts: coefficients, log deviations, effects."""
    questions = len(accuracies[0])
    counts = np.concatenate([n.ravel() for n in samples])
    right = np.concatenate([(p * n).ravel() for p, n in zip(accuracies, samples, strict=True)]).round()
    seeds = [arm.shape[1] for arm in accuracies]
    question = np.concatenate([np.repeat(np.arange(questions), s) for s in seeds])
    method = np.repeat([0.5, -0.5], [questions * s for s in seeds])
    run = np.concatenate([np.tile(np.arange(seeds[0]), questions), seeds[0] + np.tile(np.arange(seeds[1]), questions)])
    with_runs = np.repeat([s > 1 for s in seeds], seeds)
    rows = np.arange(len(counts))
    of_question = sparse.csr_array((np.ones(len(rows)), (rows, question)), shape=(len(rows), questions))
    of_run = sparse.csr_array((np.ones(len(rows)), (rows, run)), shape=(len(rows), sum(seeds)))[:, with_runs]
    slopes = of_question.multiply(method[:, None])
    effects = sparse.csr_array(sparse.hstack([of_question, slopes, of_run]))
    ident = np.repeat([0, 1, 2], [questions, questions, with_runs.sum()])
    odds = [special.logit((r + 0.5) / (n + 1)) for r, n in _pooled(accuracies, samples)]
    level, contrast = (odds[0] + odds[1]) / 2, odds[0] - odds[1]
    start = [
        [level.mean(), contrast.mean()],
        np.zeros(ident.max() + 1),
        level - level.mean(),
        contrast - contrast.mean(),
        np.zeros(with_runs.sum()),
    ]
    exog = np.column_stack([np.ones(len(rows)), method])
    return CountsMixedGLM(right, counts, exog, effects, ident), np.concatenate(start)


def _pooled(accuracies: tuple[Array, Array], samples: tuple[Array, Array]) -> list[tuple[Array, Array]]:
    """Right samples, and samples, of each question over all seeds, of either method."""
    return [((p * n).sum(axis=1), n.sum(axis=1)) for p, n in zip(accuracies, samples, strict=True)]


def _standard_error(model: CountsMixedGLM, coefficients: Array, log_deviations: Array, effects: Array) -> float:
    """Of the method's coefficient: from the curvature of the log-posterior in coefficients and effects together."""
    chance = special.expit(model.exog @ coefficients + model.exog_vc @ effects)
    design = sparse.csr_array(sparse.hstack([model.exog, model.exog_vc]))
    priors = np.concatenate([np.full(len(coefficients), model.fe_p**-2.0), np.exp(-2 * log_deviations)[model.ident]])
    weights = model.samples * chance * (1 - chance)
    curvature = (design.T @ design.multiply(weights[:, None])).toarray() + np.diag(priors)
    return float(math.sqrt(np.linalg.inv(curvature)[1, 1]))
