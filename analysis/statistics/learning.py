"""What learning curves say beside their ends: the area under them, when they reach a mark, and what a token bought.

A curve is the accuracy of a training run without experts on the validation problems, which are no benchmark's, by
training step. Intervals are over training seeds alone: all runs of an experiment are validated on the same problems, so
that they speak of training anew, and not of other problems.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import InputError
from analysis.intake.runs import Run
from analysis.intake.training_log import TOKENS, VALIDATION, TrainingLog
from analysis.statistics.outcome import t_outcome
from analysis.statistics.variance import of_runs

#: Of ``costs``: tokens that a run's models wrote, or experts gave log-probabilities of, over its whole way; the
#: columns of a step that tell them are :data:`analysis.intake.training_log.TOKENS`.
_WRITTEN = ("policy_tokens_sampled", "expert_tokens", "expert_tokens_scored")
# Accuracies lie in 0 to 1 and are known to about 1e-16.
_ROUNDING = 1e-12


class Estimate(NamedTuple):
    """A mean over training seeds with its 95% interval; what is unknown is NaN, the interval of a single seed, too."""

    value: float
    low: float
    high: float


def over_seeds(values: Sequence[float]) -> Estimate:
    """Mean of one number a seed, with its t interval: s^2/S, S - 1 degrees of freedom."""
    array = np.asarray(values, dtype=float)
    if array.size < 2:
        return Estimate(float(array[0]) if array.size else math.nan, math.nan, math.nan)
    mean = float(array.mean())
    outcome = t_outcome(mean, math.sqrt(array.var(ddof=1) / array.size), array.size - 1)
    return Estimate(mean, *outcome.interval)


def share_over_seeds(values: Sequence[float]) -> Estimate:
    """As :func:`over_seeds`, of accuracies or shares: the interval is cut to 0 to 1."""
    value, low, high = over_seeds(values)
    # NaN stays.
    return Estimate(value, low if math.isnan(low) else max(0.0, low), high if math.isnan(high) else min(1.0, high))


def difference_over_seeds(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Mean of ``a`` minus mean of ``b``, one number a seed each, with a t interval, which needs two seeds of both.

    The variances of both means add up, with the degrees of freedom of :func:`analysis.statistics.variance.of_runs`:
    runs of the same seed share the order of the problems, but are not taken as pairs, as in the primary test.
    """
    arms = [np.asarray(values, dtype=float) for values in (a, b)]
    if min(arm.size for arm in arms) < 2:
        means = [float(arm.mean()) if arm.size else math.nan for arm in arms]
        return Estimate(means[0] - means[1], math.nan, math.nan)
    variance, df = of_runs([float(arm.var(ddof=1)) / arm.size for arm in arms], [arm.size - 1 for arm in arms])
    difference = float(arms[0].mean() - arms[1].mean())
    return Estimate(difference, *t_outcome(difference, math.sqrt(variance), df).interval)


def area(curve: pd.Series, first: float, last: float) -> float:
    """Mean accuracy from step ``first`` to ``last``: the area under the straight lines between measured steps, over
    its width. NaN where the curve does not span that."""
    if curve.empty or not curve.index[0] <= first < last <= curve.index[-1]:
        return math.nan
    steps = curve.index.to_numpy(dtype=float)
    x = np.array([first, *steps[(steps > first) & (steps < last)], last])
    y = np.interp(x, steps, curve.to_numpy(dtype=float))
    return float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum() / (last - first))


def reached(curve: pd.Series, mark: float) -> float:
    """The first measured step at which the curve is at ``mark`` or above; NaN where it never is."""
    there = curve.index[curve >= mark - _ROUNDING]
    return float(there[0]) if len(there) else math.nan


def shared_mean(curves: Sequence[pd.Series]) -> pd.Series:
    """The mean of curves at the steps that all of them have."""
    return pd.concat(curves, axis=1, join="inner").mean(axis=1).sort_index()


@dataclass(frozen=True)
class Learned:
    """The curves of one method, one a training seed.

    Attributes:
        curves: accuracy by measured step, each with one measured step at least.
        tokens: by the same steps, what the run had cost until then: tokens that policy and experts wrote, or that
            experts gave log-probabilities of, discarded rollouts included. What its steps do not tell was spent before
            the first: experts' solutions, and the run that it starts from. None where one of the runs does not know it.
    """

    curves: Sequence[pd.Series]
    tokens: Sequence[pd.Series] | None

    @property
    def ends(self) -> list[float]:
        """The last accuracy of each seed."""
        return [float(curve.iloc[-1]) for curve in self.curves]

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last step that lie within all of the curves."""
        return (
            float(max(curve.index[0] for curve in self.curves)),
            float(min(curve.index[-1] for curve in self.curves)),
        )

    @property
    def tokens_span(self) -> tuple[float, float]:
        """The same of tokens: the most that one seed had spent at its first measured step, and the least at its last;
        NaN where they are unknown."""
        if self.tokens is None:
            return math.nan, math.nan
        return max(float(one.iloc[0]) for one in self.tokens), min(float(one.iloc[-1]) for one in self.tokens)

    def areas(self, first: float, last: float) -> list[float]:
        """:func:`area` of each seed."""
        return [area(curve, first, last) for curve in self.curves]

    def at_cost(self, tokens: float) -> list[float]:
        """Accuracy of each seed when it had cost so many tokens, on straight lines between measured steps; NaN where
        these did not reach it, as of a run that had spent more before its first step."""
        if self.tokens is None:
            return [math.nan for _ in self.curves]
        return [
            float(np.interp(tokens, spent.to_numpy(), curve.to_numpy()))
            if spent.iloc[0] <= tokens <= spent.iloc[-1]
            else math.nan
            for spent, curve in zip(self.tokens, self.curves, strict=True)
        ]


def learned(logs: Iterable[TrainingLog], runs: Iterable[Run]) -> dict[str, Learned]:
    """The curves of each method that has any, in the order of the logs.

    Args:
        logs: of the training runs; one that was never validated is left out.
        runs: the same runs, for what they cost; more or fewer are no error.

    Raises:
        InputError: the steps of a run have more tokens than the whole run.
    """
    known = {(run.method, run.seed): run for run in runs}
    found: dict[str, list[tuple[pd.Series, pd.Series | None]]] = {}
    for log in logs:
        curve = log.measured(VALIDATION)
        if not curve.empty:
            spent = _spent(log, known.get((log.method, log.seed)))
            found.setdefault(log.method, []).append((curve, None if spent is None else spent[curve.index]))
    whole = {}
    for method, pairs in found.items():
        tokens = [spent for _, spent in pairs if spent is not None]
        whole[method] = Learned([curve for curve, _ in pairs], tokens if len(tokens) == len(pairs) else None)
    return whole


def _spent(log: TrainingLog, run: Run | None) -> pd.Series | None:
    costs = [None if run is None or run.costs is None else run.costs[name] for name in _WRITTEN]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    within = log.steps[[*TOKENS]].fillna(0.0).sum(axis=1).cumsum()
    before = sum(known) - float(within.iloc[-1])
    if before < -0.5:
        raise InputError(
            f"{log.method}, seed {log.seed}: its steps have {within.iloc[-1]:,.0f} tokens of policy and experts, its "
            f"run.json {sum(known):,.0f} in all: needed are files of one run"
        )
    return within + max(0.0, before)
