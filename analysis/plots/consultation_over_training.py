"""How consultation changes over training, and what it does to the rollouts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.intake.training_log import (
    ACCEPTANCE,
    ASSISTED,
    CONSULTS,
    COPIES,
    QUERIES,
    SHOWN,
    UNASSISTED,
    TrainingLog,
)
from analysis.plots import style
from analysis.plots.axes import legend_above, nothing, percent, say
from analysis.plots.curves import OVER_SEEDS, TOGETHER, Runs, by_part, mean_of_seeds, steps_below
from analysis.plots.design import seeds_of
from analysis.plots.drawing import Drawn, Experiment
from analysis.plots.method_rows import method_rows
from analysis.statistics.consulting import closed
from analysis.statistics.scores import Scores
from analysis.tables.names import name

Of = Callable[[str], Runs]
#: More methods than this have a row each: their lines could not be told apart.
ROWS = 12
_WHAT_THEY_ARE = (
    "Of the rollouts, those that consulted; of their queries, those whose reply was shown; of the rollouts with "
    "an accepted reply, those that answer with what a reply gave. By sixths of the training, of the rollouts that "
    "are kept word for word: of those that the gate let through, the share in a critical group, whose unassisted "
    "rollouts are all wrong, and of the right answers with a reply, those whose companions without one were all "
    "wrong. Training accuracy is that of rollouts with an accepted reply; who asks is not drawn by lot, so that "
    "its distance to that of the others is no effect of the replies."
)


class _Panel(NamedTuple):
    title: str
    solid: Of
    dashed: Of | None = None
    kinds: tuple[str, str] = ("", "")


def consultation_over_training(logs: Sequence[TrainingLog], consulting: pd.DataFrame, scores: Scores) -> Drawn:
    """Rates of consulting, showing and copying, where it was needed, and accuracy with and without a reply.

    Methods whose runs never had a reply accepted or asked for one are left out; where that leaves none, the figure
    says so.

    Args:
        logs: of the training runs.
        consulting: the table that :func:`analysis.tables.consulting.consulting_table` makes of them.
        scores: the experiment's scores.
    """
    methods = [
        method
        for method in dict.fromkeys(log.method for log in logs)
        if any(_consults(log) for log in logs if log.method == method)
    ]
    if not methods:
        return Drawn(
            nothing("No method consulted experts in training."),
            "No method of this experiment consulted experts in training.",
        )
    panels = _panels(logs, consulting)
    seeds = seeds_of((method, sum(log.method == method for log in logs)) for method in methods)
    if len(methods) > ROWS:
        return Drawn(
            method_rows(methods, {one.title: one.solid for one in panels}),
            f"Consultation over training, of the {len(methods)} methods that consult, a row each. {_WHAT_THEY_ARE} "
            f"Training seeds are averaged; no interval is drawn, and white was not measured. {seeds}",
        )
    looks = style.looks(scores.methods)
    figure, grid = plt.subplots(2, 3, figsize=(11.0, 5.6), sharex=True, layout="constrained")
    many = len(methods) > TOGETHER
    for axes, one in zip(grid.flat, panels, strict=True):
        for method in methods:
            mean_of_seeds(axes, one.solid(method), name(method), looks[method], mean_alone=many)
            if one.dashed is not None:
                mean_of_seeds(axes, one.dashed(method), name(method), looks[method], dashed=True, mean_alone=many)
        _finish(axes, one)
    for method in methods:
        shut = [step for log in logs if log.method == method and not math.isnan(step := closed(log))]
        if shut:
            grid.flat[0].axvline(min(shut), color=looks[method][0], linestyle=":", linewidth=1.2)
    steps_below(figure, list(grid[1]))
    legend_above(figure, *grid.flat)
    return Drawn(
        figure,
        f"Consultation over training, of the methods that consult. {_WHAT_THEY_ARE} Dotted: from there on the turn "
        "budget leaves no turn to consult. Dashed: the schedule's rate of replies; of all groups, the critical ones, "
        "what a gate that looked at nothing would have; and the accuracy of rollouts without an accepted reply. "
        f"{_lines(many)} {seeds}",
    )


def _panels(logs: Sequence[TrainingLog], consulting: pd.DataFrame) -> list[_Panel]:
    def column(key: str) -> Of:
        return lambda method: Runs([log.measured(key) for log in logs if log.method == method])

    def part(key: str) -> Of:
        return lambda method: by_part(consulting, method, key)

    def shown(method: str) -> Runs:
        return Runs([(log.steps[SHOWN] / log.steps[QUERIES]).dropna() for log in logs if log.method == method])

    return [
        _Panel("Rollouts that consult", column(CONSULTS)),
        _Panel("Queries whose reply is shown", shown, column(ACCEPTANCE), ("shown", "schedule")),
        _Panel("Answers copied from a reply", column(COPIES)),
        _Panel(
            "Let through in a critical group",
            part("let_through_critical"),
            part("critical_rate"),
            ("let through", "all groups"),
        ),
        _Panel("Right answers that needed the reply", part("needed_rate")),
        _Panel("Training accuracy", column(ASSISTED), column(UNASSISTED), ("assisted", "unassisted")),
    ]


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return consultation_over_training(experiment.logs, experiment.consulting, experiment.scores)


def _lines(many: bool) -> str:
    if many:
        return "Lines: means over training seeds; of so many methods no interval is drawn, see the table."
    return f"Thin lines: training seeds; thick lines: their mean; bands: {OVER_SEEDS}."


def _consults(log: TrainingLog) -> bool:
    return any((log.measured(column) > 0).any() for column in (ACCEPTANCE, CONSULTS))


def _finish(axes: Axes, panel: _Panel) -> None:
    axes.set_title(panel.title, loc="left")
    if not axes.lines:
        say(axes, "not measured")
        return
    percent(axes)
    if panel.dashed is not None:
        handles = [
            Line2D([], [], color="0.3", ls=line, label=kind)
            for kind, line in zip(panel.kinds, ("-", "--"), strict=True)
        ]
        axes.legend(handles=handles, loc="best")
