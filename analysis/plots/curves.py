"""Curves over training, of the runs of a method, and of several methods beside each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.plots import style
from analysis.statistics.learning import over_seeds, shared_mean
from analysis.tables.names import name

#: What captions say of the band.
OVER_SEEDS = "95% t interval over training seeds (none for a single one)"
#: More methods than this have a panel each: bands would hide each other.
TOGETHER = 5
_COLUMNS = 4


class Runs(NamedTuple):
    """What was measured in the runs of one method.

    Attributes:
        values: a series a run, by step; an empty one is of a run that measured nothing.
        across: of each of them where its points stand on the horizontal axis, by the same steps; None: at their steps.
    """

    values: Sequence[pd.Series]
    across: Sequence[pd.Series] | None = None

    def measured(self) -> list[tuple[pd.Series, pd.Series]]:
        """Places and values of each run that measured something."""
        places = self.across or [one.index.to_series() for one in self.values]
        return [(x, y) for x, y in zip(places, self.values, strict=True) if not y.empty]


def mean_of_seeds(
    axes: Axes, runs: Runs, label: str, look: style.Look, dashed: bool = False, mean_alone: bool = False
) -> None:
    """Runs of one method: thin lines, and their mean at the steps that all of them measured, with its interval."""
    colour, marker = look
    measured = runs.measured()
    if not measured:
        return
    line = "--" if dashed else "-"
    for x, y in measured if len(measured) > 1 and not mean_alone else ():
        axes.plot(x, y, color=colour, linewidth=0.7, alpha=0.35, linestyle=line)
    x, mean = (shared_mean([one[side] for one in measured]) for side in (0, 1))
    if not mean_alone:
        bounds = [over_seeds([float(y[step]) for _, y in measured]) for step in mean.index]
        axes.fill_between(x, [one.low for one in bounds], [one.high for one in bounds], color=colour, alpha=0.16, lw=0)
    axes.plot(
        x,
        mean,
        color=colour,
        marker=marker,
        markersize=4.5,
        markevery=max(1, len(mean) // 12),
        markerfacecolor="white" if dashed else colour,
        linewidth=2.2,
        linestyle=line,
        label=label,
    )


def curves_of_methods(methods: Mapping[str, Runs], looks: Mapping[str, style.Look]) -> tuple[Figure, list[Axes]]:
    """The curves of all methods in one panel; where they are many, a panel each, with the others' means in grey."""
    if len(methods) <= TOGETHER:
        figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
        for method, runs in methods.items():
            mean_of_seeds(axes, runs, name(method), looks[method])
        return figure, [axes]
    figure, panels = panels_of(list(methods), sharey=True)
    for axes, method in zip(panels, methods, strict=True):
        for other in methods:
            if other != method and (measured := methods[other].measured()):
                axes.plot(*(shared_mean([one[side] for one in measured]) for side in (0, 1)), color="0.82", lw=0.9)
        mean_of_seeds(axes, methods[method], name(method), looks[method])
    return figure, panels


def panels_of(methods: Sequence[str], sharey: bool) -> tuple[Figure, list[Axes]]:
    """A figure with a panel a method, each under its name."""
    columns = min(_COLUMNS, len(methods))
    rows = math.ceil(len(methods) / columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(max(4.8, 2.6 * columns), 0.7 + 2.0 * rows),
        sharex=True,
        sharey=sharey,
        layout="constrained",
        squeeze=False,
    )
    panels = list(grid.flat)
    for axes, method in zip(panels, methods, strict=False):
        axes.set_title(name(method), loc="left", fontsize=9)
    for axes in panels[len(methods) :]:
        axes.set_axis_off()
    # Of a column whose last place is empty, too.
    for axes in panels[max(0, len(methods) - columns) : len(methods)]:
        axes.tick_params(labelbottom=True)
    return figure, panels[: len(methods)]


def steps_below(figure: Figure, panels: Sequence[Axes]) -> None:
    """The horizontal axes are training steps."""
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))
    label_below(figure, panels, "Training step")


def label_below(figure: Figure, panels: Sequence[Axes], text: str) -> None:
    """What the horizontal axes are, said once."""
    if len(panels) == 1:
        panels[0].set_xlabel(text)
    else:
        figure.supxlabel(text, fontsize="medium")


def label_left(figure: Figure, panels: Sequence[Axes], text: str) -> None:
    """What the vertical axes are, said once."""
    if len(panels) == 1:
        panels[0].set_ylabel(text)
    else:
        figure.supylabel(text, fontsize="medium")


def by_part(table: pd.DataFrame, method: str, column: str) -> Runs:
    """A column of consulting.csv, of parts of the training alone: each run's, by the middle of the part."""
    own = table[(table["method"] == method) & (table["part"] > 0)]
    return Runs(
        [pd.Series(run[column].to_numpy(), index=middle(run)).dropna() for _, run in own.groupby("seed", sort=False)]
    )


def middle(parts: pd.DataFrame) -> np.ndarray:
    """The step in the middle of each part."""
    return ((parts["first_step"] + parts["last_step"]) / 2).to_numpy()
