"""Many methods over training: a row each, where lines would hide each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from analysis.plots.axes import say
from analysis.plots.curves import Runs, steps_below
from analysis.plots.heat_map import heat_map

_COLUMNS = 3


def method_rows(methods: Sequence[str], panels: Mapping[str, Callable[[str], Runs]]) -> Figure:
    """A heat map a quantity: a row a method, a column a step; means of the seeds that measured it in that step.

    Args:
        methods: the rows, from the top down.
        panels: by their titles, what the runs of a method measured, rates in [0, 1]; steps without are white.
    """
    rows = math.ceil(len(panels) / _COLUMNS)
    figure, grid = plt.subplots(
        rows,
        _COLUMNS,
        figsize=(11.0, rows * (0.6 + 0.16 * len(methods)) + 0.4),
        sharex=True,
        layout="constrained",
        squeeze=False,
    )
    drawn: list[QuadMesh] = []
    named: set[int] = set()
    for index, (axes, (title, of)) in enumerate(zip(grid.flat, panels.items(), strict=False)):
        axes.set_title(title, loc="left", fontsize=9.5)
        table = pd.DataFrame({method: _mean(of(method)) for method in methods}).T.sort_index(axis=1)
        if table.empty or table.isna().to_numpy().all():
            say(axes, "not measured")
            continue
        # At the first panel of a line that has any.
        line = index // _COLUMNS
        drawn.append(heat_map(axes, table, line not in named, _edges(table.columns.to_numpy(dtype=float))))
        axes.tick_params(axis="y", labelsize=8)
        named.add(line)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    if drawn:
        figure.colorbar(drawn[0], ax=list(grid.flat), format=PercentFormatter(xmax=1), pad=0.015, aspect=40)
    steps_below(figure, list(grid[-1]))
    return figure


def _mean(runs: Runs) -> pd.Series:
    together = pd.concat([one for one in runs.values if not one.empty] or [pd.Series(dtype=float)])
    return together.astype(float).groupby(level=0).mean()


def _edges(steps: np.ndarray) -> list[float]:
    wide = float(np.diff(steps).min()) if len(steps) > 1 else 1.0
    return [*(steps - wide / 2), steps[-1] + wide / 2]
