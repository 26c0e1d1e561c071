"""What accuracy costs, in tokens of the policy and of the experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

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
    """Accuracy on all questions against tokens of a training run (left) and of a response (right).

    Args:
        runs: the training runs.
        scores: the experiment's scores.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), sharey=True, layout="constrained")
    accuracies = {
        method: (float(scores.accuracies(method, ALL).to_numpy().mean()), accuracy_interval(scores, method, ALL))
        for method in scores.methods
    }
    _training(left, runs, accuracies)
    _evaluation(right, scores, accuracies)
    percent(left)
    legend_above(figure, right)
    return Drawn(
        figure,
        "Accuracy on all questions against its cost. Left: tokens of a training run, mean over seeds: hollow, the "
        "policy's own; filled, with those of the experts; dashed, a method without a run. An expert's token costs as "
        "much more as the expert is larger, which is not in this. Right: tokens of a response at evaluation, without "
        f"experts. Bars: {OVER_QUESTIONS}. {design(scores)}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return cost_and_accuracy(experiment.runs, experiment.scores)


def _training(axes: Axes, runs: Sequence[Run], accuracies: Mapping[str, tuple[float, Interval]]) -> None:
    looks = style.looks(accuracies)
    totals = []
    for method, (accuracy, interval) in accuracies.items():
        colour, marker = looks[method]
        own = [run for run in runs if run.method == method]
        known = [
            (run.policy_tokens, run.expert_tokens)
            for run in own
            if run.policy_tokens is not None and run.expert_tokens is not None
        ]
        if not own:
            axes.axhline(accuracy, color=colour, linestyle="--", linewidth=1.4)
        if not known:
            continue
        policy, expert = (float(mean) for mean in np.mean(known, axis=0))
        totals += [policy, policy + expert]
        axes.plot([policy, policy + expert], [accuracy, accuracy], color=colour, linewidth=1.2)
        axes.plot(policy, accuracy, marker, color=colour, markerfacecolor="white", markersize=7)
        _point(axes, policy + expert, accuracy, interval, looks[method], name(method))
    axes.set_xlabel("Tokens of a training run")
    axes.set_ylabel("Accuracy, all questions")
    _tokens(axes, totals)


def _evaluation(axes: Axes, scores: Scores, accuracies: Mapping[str, tuple[float, Interval]]) -> None:
    looks = style.looks(accuracies)
    lengths = []
    for method, (accuracy, interval) in accuracies.items():
        length = float(scores.of(method, ALL)["n_tokens_mean"].mean())
        lengths.append(length)
        _point(axes, length, accuracy, interval, looks[method], name(method))
    axes.set_xlabel("Mean tokens of a response")
    _tokens(axes, lengths)


def _point(axes: Axes, x: float, accuracy: float, interval: Interval, look: style.Look, label: str) -> None:
    colour, marker = look
    axes.vlines(x, interval.low, interval.high, color=colour, linewidth=1.6)
    axes.plot(x, accuracy, marker, color=colour, markersize=7.5, markeredgecolor="white", label=label)


def _tokens(axes: Axes, values: Sequence[float]) -> None:
    known = [value for value in values if value > 0]
    if known and max(known) > WIDE * min(known):
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0, right=1.15 * max(known, default=1.0))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
