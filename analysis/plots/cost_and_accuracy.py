"""What accuracy costs: FLOPs of training, and tokens of an answer, of the policy and of the experts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, NullFormatter

from analysis.intake.cells import ALL
from analysis.intake.runs import Run
from analysis.plots import style
from analysis.plots.axes import legend_above, percent
from analysis.plots.design import OVER_QUESTIONS, design
from analysis.plots.drawing import Drawn, Experiment
from analysis.statistics.intervals import Interval
from analysis.statistics.scores import Scores
from analysis.tables.main import accuracy_interval
from analysis.tables.names import name

# From here on the axis is logarithmic.
WIDE = 20


def cost_and_accuracy(runs: Sequence[Run], scores: Scores) -> Drawn:
    """Accuracy on all questions against FLOPs of a training run (left) and tokens of an answer (right).

    Args:
        runs: the training runs.
        scores: the experiment's scores.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), sharey=True, layout="constrained")
    accuracies = {
        method: (float(scores.accuracies(method, ALL).to_numpy().mean()), accuracy_interval(scores, method, ALL))
        for method in scores.methods
    }
    missing = _training(left, runs, accuracies)
    _evaluation(right, scores, accuracies)
    percent(left)
    legend_above(figure, right)
    unknown = f" Not known of {', '.join(map(name, missing))}." if missing else ""
    return Drawn(
        figure,
        "Accuracy on all questions against its cost: hollow, the policy's own; filled, with that of the experts. Left: "
        "FLOPs of a training run by parameter count, mean over seeds (2 a parameter for each token read or written, 6 "
        f"for each trained on); dashed, a method without a run.{unknown} Right: tokens of an answer in evaluation. "
        f"Bars: {OVER_QUESTIONS}. {design(scores)}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return cost_and_accuracy(experiment.runs, experiment.scores)


def _training(axes: Axes, runs: Sequence[Run], accuracies: Mapping[str, tuple[float, Interval]]) -> list[str]:
    """Returns the methods of which no run knows its FLOPs."""
    looks = style.looks(accuracies)
    costs, missing = {}, []
    for method, (accuracy, _) in accuracies.items():
        own = [run for run in runs if run.method == method]
        known = [_flops(run) for run in own if not any(map(math.isnan, _flops(run)))]
        if known:
            policy, experts = (float(mean) for mean in np.mean(known, axis=0))
            costs[method] = (policy, experts)
        elif own:
            missing.append(method)
        else:
            axes.axhline(accuracy, color=looks[method][0], linestyle="--", linewidth=1.4)
    _points(axes, costs, accuracies)
    axes.set_xlabel("FLOPs of a training run")
    axes.set_ylabel("Accuracy, all questions")
    return missing


def _flops(run: Run) -> tuple[float, float]:
    """Of the policy, and of the experts; NaN where it is not known."""
    whole, experts = ((run.costs or {}).get(one) for one in ("flops", "expert_flops"))
    if whole is None or experts is None:
        return math.nan, math.nan
    return whole - experts, experts


def _evaluation(axes: Axes, scores: Scores, accuracies: Mapping[str, tuple[float, Interval]]) -> None:
    costs = {}
    for method in accuracies:
        rows = scores.of(method, ALL)
        costs[method] = (float(rows["n_tokens_mean"].mean()), float(rows["expert_tokens_mean"].mean()))
    _points(axes, costs, accuracies)
    axes.set_xlabel("Mean tokens of an answer")


def _points(
    axes: Axes, costs: Mapping[str, tuple[float, float]], accuracies: Mapping[str, tuple[float, Interval]]
) -> None:
    """For each method its cost without and with the experts', with its accuracy and interval there."""
    looks = style.looks(accuracies)
    for method, (policy, experts) in costs.items():
        accuracy, interval = accuracies[method]
        colour, marker = looks[method]
        whole = policy + experts
        if experts:
            axes.plot([policy, whole], [accuracy, accuracy], color=colour, linewidth=1.2)
            axes.plot(policy, accuracy, marker, color=colour, markerfacecolor="white", markersize=7)
        axes.vlines(whole, interval.low, interval.high, color=colour, linewidth=1.6)
        axes.plot(whole, accuracy, marker, color=colour, markersize=7.5, markeredgecolor="white", label=name(method))
    known = [value for policy, experts in costs.values() for value in (policy, policy + experts) if value > 0]
    if known and max(known) > WIDE * min(known):
        axes.set_xscale("log")
        # Its own would write formulas.
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(left=0, right=1.15 * max(known, default=1.0))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
