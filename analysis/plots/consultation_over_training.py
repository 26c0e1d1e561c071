"""How consultation changes over training, and what it does to the accuracy of training rollouts."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.intake.training_log import ACCEPTANCE, ASSISTED, CONSULTS, COPIES, UNASSISTED, TrainingLog
from analysis.plots import style
from analysis.plots.axes import legend_above, percent, say
from analysis.plots.curves import mean_of_seeds
from analysis.plots.design import seeds_of
from analysis.plots.drawing import Drawn, Experiment
from analysis.statistics.scores import Scores

_RATES = {
    ACCEPTANCE: "Acceptance rate of replies",
    CONSULTS: "Rollouts that consult",
    COPIES: "Answers copied from a reply",
}


def consultation_over_training(logs: Sequence[TrainingLog], scores: Scores) -> Drawn:
    """Acceptance, consult and copy rate, and accuracy with and without an accepted reply, against the training step.

    Methods whose runs never had a reply accepted or asked for one are left out; where that leaves none, the figure
    says so.
    """
    methods = [
        method
        for method in dict.fromkeys(log.method for log in logs)
        if any(_consults(log) for log in logs if log.method == method)
    ]
    if not methods:
        figure, axes = plt.subplots(figsize=(6.4, 1.6))
        say(axes, "No method consulted experts in training.")
        return Drawn(figure, "No method of this experiment consulted experts in training.")
    looks = style.looks(scores.methods)
    figure, grid = plt.subplots(2, 2, figsize=(8.4, 5.6), sharex=True, layout="constrained")
    runs = {method: [log for log in logs if log.method == method] for method in methods}
    for axes, (column, title) in zip(grid.flat, _RATES.items(), strict=False):
        for method in methods:
            mean_of_seeds(axes, runs[method], column, looks[method])
        _finish(axes, title)
    last = grid.flat[3]
    for method in methods:
        mean_of_seeds(last, runs[method], ASSISTED, looks[method])
        mean_of_seeds(last, runs[method], UNASSISTED, looks[method], dashed=True)
    _finish(last, "Training accuracy")
    if last.lines:
        kinds = [
            Line2D([], [], color="0.3", label="assisted"),
            Line2D([], [], color="0.3", ls="--", label="unassisted"),
        ]
        last.legend(handles=kinds, loc="best")
    for axes in grid[1]:
        axes.set_xlabel("Training step")
    # Any panel may be one that was not measured.
    legend_above(figure, max(grid.flat[:3], key=lambda axes: len(axes.lines)))
    seeds = seeds_of((method, len(runs[method])) for method in methods)
    return Drawn(
        figure,
        "Consultation over training, of the methods that consult. Acceptance rate: the share of replies that the "
        "schedule lets through; consult rate: rollouts that asked; copy rate: of the rollouts with an accepted reply, "
        "those that answer with what a reply gave. Training accuracy: solid, of rollouts with an accepted reply; "
        "dashed, of those without. Who asks is not drawn by lot, so that their distance is no effect of the replies. "
        f"Thin lines: training seeds; thick lines: their mean; no interval is drawn. {seeds}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return consultation_over_training(experiment.logs, experiment.scores)


def _consults(log: TrainingLog) -> bool:
    return any((log.measured(column) > 0).any() for column in (ACCEPTANCE, CONSULTS))


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left")
    if axes.lines:
        percent(axes)
    else:
        say(axes, "not measured")
