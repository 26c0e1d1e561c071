"""Accuracy of the methods on the benchmarks."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from analysis.intake.cells import ALL
from analysis.plots import style
from analysis.plots.axes import percent
from analysis.plots.design import OVER_QUESTIONS, design, number_of_questions, samples
from analysis.plots.drawing import Drawn, Experiment
from analysis.statistics.scores import Scores
from analysis.tables.main import accuracy_interval
from analysis.tables.names import name, row_name


def comparison(scores: Scores) -> Drawn:
    """avg@k by benchmark and method: 95% interval over questions, a dot per training seed."""
    rows = [*scores.benchmarks, ALL] if len(scores.benchmarks) > 1 else scores.benchmarks
    methods = scores.methods
    looks = style.looks(methods)
    figure, axes = plt.subplots(figsize=(max(6.4, (1.6 + 0.08 * len(methods)) * len(rows)), 3.8))
    step = min(0.22, 0.75 / len(methods))
    for index, method in enumerate(methods):
        colour, marker = looks[method]
        place = np.arange(len(rows)) + (index - (len(methods) - 1) / 2) * step
        tables = [scores.accuracies(method, row) for row in rows]
        means = np.array([table.to_numpy().mean() for table in tables])
        intervals = [accuracy_interval(scores, method, row) for row in rows]
        bounds = np.array([[interval.low, interval.high] for interval in intervals]).T
        axes.vlines(place, bounds[0], bounds[1], color=colour, linewidth=1.8)
        # A score of 0 lies on the axis, and its mark across it.
        look: dict[str, Any] = {"markersize": 7, "markeredgecolor": "white", "clip_on": False, "zorder": 3}
        axes.plot(place, means, marker, color=colour, label=name(method), **look)
        for x, table in zip(place, tables, strict=True):
            if table.shape[1] > 1:
                seeds = table.mean(axis=0)
                axes.plot(np.full(len(seeds), x + 0.32 * step), seeds, ".", color=colour, markersize=4, alpha=0.8)
    if ALL in rows:
        axes.axvline(len(rows) - 1.5, color="0.6", linewidth=0.8, linestyle=":")
    axes.set_xticks(
        range(len(rows)),
        [f"{row_name(row)}\n(n = {number_of_questions(scores, row)})" for row in rows],
    )
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel(f"avg@{samples(scores)}" if samples(scores).isdecimal() else "Accuracy")
    percent(axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(4, len(methods)))
    return Drawn(
        figure,
        "Accuracy by benchmark and method: mean over questions, samples and training seeds. Bars: "
        f"{OVER_QUESTIONS}; small dots: training seeds. Overlapping bars are no test: the paired differences are. "
        f"{design(scores)}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return comparison(experiment.scores)
