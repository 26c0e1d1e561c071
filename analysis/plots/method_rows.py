"""Many methods over training: a row each, where lines would hide each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from analysis.plots.axes import say
from analysis.plots.curves import Runs, steps_below
from analysis.plots.question_heat_map import COLOURS
from analysis.tables.names import name

_COLUMNS = 3


def method_rows(methods: Sequence[str], panels: Mapping[str, Callable[[str], Runs]]) -> Figure:
    """A heat map a quantity: a row a method, a column a step; means of the seeds that measured it in that step.

    Args:
        methods: the rows, from the top down.
        panels: by their titles, what the runs of a method measured, rates in [0, 1]; steps without are white.
    """
    rows = -(-len(panels) // _COLUMNS)
    figure, grid = plt.subplots(
        rows,
        _COLUMNS,
        figsize=(11.0, rows * (0.6 + 0.16 * len(methods)) + 0.4),
        sharex=True,
        layout="constrained",
        squeeze=False,
    )
    drawn = []
    for index, (axes, (title, of)) in enumerate(zip(grid.flat, panels.items(), strict=False)):
        axes.set_title(title, loc="left", fontsize=9.5)
        table = pd.DataFrame({method: _mean(of(method)) for method in methods}).T.sort_index(axis=1)
        if table.empty or table.isna().to_numpy().all():
            say(axes, "not measured")
            continue
        drawn.append(_image(axes, table))
        axes.set_yticks(range(len(methods)), list(map(name, methods)) if index % _COLUMNS == 0 else [""] * len(methods))
        axes.tick_params(axis="y", length=0, labelsize=8)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    if drawn:
        figure.colorbar(drawn[0], ax=list(grid.flat), format=PercentFormatter(xmax=1), pad=0.015, aspect=40)
    steps_below(figure, list(grid[-1]))
    return figure


def _mean(runs: Runs) -> pd.Series:
    together = pd.concat([one for one in runs.values if not one.empty] or [pd.Series(dtype=float)])
    return together.astype(float).groupby(level=0).mean()


def _image(axes: Axes, table: pd.DataFrame) -> QuadMesh:
    steps = table.columns.to_numpy(dtype=float)
    wide = float(np.diff(steps).min()) if len(steps) > 1 else 1.0
    edges = [*(steps - wide / 2), steps[-1] + wide / 2]
    image = axes.pcolormesh(edges, np.arange(len(table) + 1) - 0.5, table.to_numpy(), cmap=COLOURS, vmin=0, vmax=1)
    axes.invert_yaxis()
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image
