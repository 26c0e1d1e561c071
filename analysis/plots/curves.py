"""Curves over training, of the runs of a method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.intake.training_log import TrainingLog
from analysis.plots import style
from analysis.tables.names import name


def mean_of_seeds(axes: Axes, logs: Sequence[TrainingLog], column: str, look: style.Look, dashed: bool = False) -> None:
    """The runs of one method: thin lines, and their mean at the steps that all of them measured."""
    colour, marker = look
    measured = [steps for log in logs if not (steps := log.measured(column)).empty]
    if not measured:
        return
    for steps in measured:
        axes.plot(steps.index, steps, color=colour, linewidth=0.8, alpha=0.45, linestyle="--" if dashed else "-")
    shared = sorted(set.intersection(*(set(steps.index) for steps in measured)))
    mean = [float(np.mean([steps[step] for steps in measured])) for step in shared]
    axes.plot(
        shared,
        mean,
        color=colour,
        marker=marker,
        markersize=4.5,
        markevery=max(1, len(shared) // 12),
        markerfacecolor="white" if dashed else colour,
        linewidth=2.2,
        linestyle="--" if dashed else "-",
        label=name(logs[0].method),
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
