"""In which of its modes a policy consults over training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from analysis.plots import style
from analysis.plots.axes import nothing
from analysis.plots.curves import label_left, middle, panels_of, steps_below
from analysis.plots.design import seeds_in
from analysis.plots.drawing import Drawn, Experiment
from analysis.statistics.modes import MODES
from analysis.tables.names import name

# To ask nobody is no colour.
_COLOURS: list[Any] = ["0.88", *(style.PALETTE[index] for index in (0, 1, 2, 4))]


def modes_over_training(consulting: pd.DataFrame) -> Drawn:
    """Shares of the rollouts in each mode, by part of the training, seeds averaged; a panel a method that consults.

    Args:
        consulting: the table that :func:`analysis.tables.consulting.consulting_table` makes.
    """
    parts = consulting[(consulting["part"] > 0) & (consulting["rollouts"] > 0)]
    methods = list(parts["method"].unique())
    if not methods:
        return Drawn(
            nothing("No rollout of a method that consults is kept."),
            "No method consulted experts in training, or no rollout of one is kept word for word.",
        )
    figure, panels = panels_of(methods, sharey=True)
    for axes, method in zip(panels, methods, strict=True):
        own = parts[parts["method"] == method]
        mean = own.groupby("part")[["first_step", "last_step", *MODES]].mean()
        below = np.zeros(len(mean))
        for mode, colour in zip(MODES, _COLOURS, strict=True):
            width = (mean["last_step"] - mean["first_step"] + 1) * 0.92
            axes.bar(middle(mean), 100 * mean[mode], width, below, color=colour, linewidth=0)
            below += 100 * mean[mode].to_numpy()
        axes.set_ylim(0, 100)
        axes.grid(visible=False, axis="x")
    steps_below(figure, panels)
    label_left(figure, panels, "Rollouts, in %")
    handles = [Patch(color=colour, label=mode.replace("_", " ")) for mode, colour in zip(MODES, _COLOURS, strict=True)]
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(MODES))
    seeds = seeds_in(parts)
    kept = ", ".join(f"{name(method)} {int(parts[parts['method'] == method]['rollouts'].sum())}" for method in methods)
    return Drawn(
        figure,
        "What a policy asks, by sixths of the training, as a share of the rollouts that are kept word for word: it "
        "resolves it alone (self resolve), asks the whole problem (direct), parts of it (decompose), either (both), or "
        "consults and asks nothing of it (other); by the terms that a query shares with the problem. Training seeds "
        f"are averaged; no interval is drawn. Rollouts: {kept}. {seeds}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return modes_over_training(experiment.consulting)
