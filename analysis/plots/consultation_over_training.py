"""How consultation changes over training, and what it does to the rollouts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

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
from analysis.statistics.consulting import closed
from analysis.statistics.scores import Scores
from analysis.tables.names import name

Of = Callable[[str], Runs]


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
    looks = style.looks(scores.methods)
    figure, grid = plt.subplots(2, 3, figsize=(11.0, 5.6), sharex=True, layout="constrained")

    many = len(methods) > TOGETHER

    def column(key: str) -> Of:
        return lambda method: Runs([log.measured(key) for log in logs if log.method == method])

    def part(key: str) -> Of:
        return lambda method: by_part(consulting, method, key)

    def shown(method: str) -> Runs:
        return Runs([(log.steps[SHOWN] / log.steps[QUERIES]).dropna() for log in logs if log.method == method])

    for axes, (title, solid, dashed) in zip(
        grid.flat,
        [
            ("Rollouts that consult", column(CONSULTS), None),
            ("Queries whose reply is shown", shown, ("shown", "schedule", column(ACCEPTANCE))),
            ("Answers copied from a reply", column(COPIES), None),
            (
                "Let through in a critical group",
                part("let_through_critical"),
                ("let through", "all groups", part("critical_rate")),
            ),
            ("Right answers that needed the reply", part("needed_rate"), None),
            ("Training accuracy", column(ASSISTED), ("assisted", "unassisted", column(UNASSISTED))),
        ],
        strict=True,
    ):
        for method in methods:
            mean_of_seeds(axes, solid(method), name(method), looks[method], mean_alone=many)
            if dashed is not None:
                mean_of_seeds(axes, dashed[2](method), name(method), looks[method], dashed=True, mean_alone=many)
        _finish(axes, title, dashed)
    for method in methods:
        shut = [step for log in logs if log.method == method and not math.isnan(step := closed(log))]
        if shut:
            grid.flat[0].axvline(min(shut), color=looks[method][0], linestyle=":", linewidth=1.2)
    steps_below(figure, list(grid[1]))
    legend_above(figure, *grid.flat)
    seeds = seeds_of((method, sum(log.method == method for log in logs)) for method in methods)
    return Drawn(
        figure,
        "Consultation over training, of the methods that consult. Of the rollouts, those that consulted (dotted: from "
        "there on the turn budget leaves no turn to do so); of their "
        "queries, those whose reply was shown (dashed: the schedule's rate); of the rollouts with an accepted reply, "
        "those that answer with what a reply gave. By sixths of the training, of the rollouts that are kept word for "
        "word: of those that the gate let through, the share in a critical group, whose unassisted rollouts are all "
        "wrong (dashed: of all groups, what a gate that looked at nothing would have), and of the right answers with a "
        "reply, those whose companions without one were all wrong. Training accuracy: solid, of rollouts with an "
        "accepted reply; dashed, of those without. Who asks is not drawn by lot, so that their distance is no effect "
        f"of the replies. {_lines(many)} {seeds}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return consultation_over_training(experiment.logs, experiment.consulting, experiment.scores)


def _lines(many: bool) -> str:
    if many:
        return "Lines: means over training seeds; of so many methods no interval is drawn, see the table."
    return f"Thin lines: training seeds; thick lines: their mean; bands: {OVER_SEEDS}."


def _consults(log: TrainingLog) -> bool:
    return any((log.measured(column) > 0).any() for column in (ACCEPTANCE, CONSULTS))


def _finish(axes: Axes, title: str, kinds: tuple[str, str, Of] | None) -> None:
    axes.set_title(title, loc="left")
    if not axes.lines:
        say(axes, "not measured")
        return
    percent(axes)
    if kinds is not None:
        lines = [Line2D([], [], color="0.3", ls=line, label=kinds[place]) for place, line in ((0, "-"), (1, "--"))]
        axes.legend(handles=lines, loc="best")
