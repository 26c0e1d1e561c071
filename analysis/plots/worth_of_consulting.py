"""What consulting earned within a group over training: why a policy goes on asking, or stops."""

from __future__ import annotations

import pandas as pd

from analysis.plots import style
from analysis.plots.axes import legend_above, nothing
from analysis.plots.curves import OVER_SEEDS, by_part, label_left, mean_of_seeds, middle, panels_of, steps_below
from analysis.plots.design import seeds_in
from analysis.plots.drawing import Drawn, Experiment

#: Groups of a part, over all seeds, of which a mean is drawn.
FEWEST = 3
_IN_ALL = "worth_in_all"
_LOOK: style.Look = ((0.1, 0.1, 0.1), "o")
_PARTS = {
    "worth_answer": ("answer", style.HIGHER, "^"),
    "worth_bonus": ("bonus", style.PALETTE[1], "s"),
    "worth_cost": ("cost", style.LOWER, "v"),
}


def worth_of_consulting(consulting: pd.DataFrame) -> Drawn:
    """Reward of the rollouts that consulted minus that of the others of their group, whole and by its parts.

    Args:
        consulting: the table that :func:`analysis.tables.consulting.consulting_table` makes.
    """
    table = consulting.assign(**{_IN_ALL: consulting[[*_PARTS]].sum(axis=1, skipna=False)})
    groups = table.groupby(["method", "part"])["worth_groups"].transform("sum")
    parts = table[(table["part"] > 0) & (groups >= FEWEST) & table[_IN_ALL].notna()]
    methods = list(parts["method"].unique())
    if not methods:
        return Drawn(
            nothing("Too few kept groups hold rollouts that consulted and others."),
            "No method has enough kept groups of rollouts that hold some that consulted and others.",
        )
    figure, panels = panels_of(methods, sharey=True)
    for axes, method in zip(panels, methods, strict=True):
        axes.axhline(0, color="0.2", linewidth=1.0)
        mean_of_seeds(axes, by_part(parts, method, _IN_ALL), "in all", _LOOK)
        means = parts[parts["method"] == method].groupby("part")[["first_step", "last_step", *_PARTS]].mean()
        for column, (label, colour, marker) in _PARTS.items():
            axes.plot(middle(means), means[column], color=colour, marker=marker, markersize=4, lw=1.2, label=label)
    steps_below(figure, panels)
    label_left(figure, panels, "Reward")
    legend_above(figure, panels[0])
    seeds = seeds_in(parts)
    return Drawn(
        figure,
        "What consulting earned within a group, which is what the policy learns from: mean reward of the rollouts that "
        "consulted minus that of the others of the same problem and step, in all and by the parts of the reward; by "
        f"sixths of the training, over the kept groups that have both ({FEWEST} of a sixth, or it is not drawn). Below "
        "zero the policy is taught not to ask. Who asks is not drawn by lot: the answer's part is no effect of the "
        f"replies alone. Thin lines: training seeds; thick: their mean, with a band, {OVER_SEEDS}. {seeds}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return worth_of_consulting(experiment.consulting)
