"""Validation accuracy over training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from analysis.intake.cells import ALL
from analysis.intake.training_log import VALIDATION, TrainingLog
from analysis.plots import style
from analysis.plots.axes import legend_above, percent
from analysis.plots.curves import OVER_SEEDS, Runs, curves_of_methods, label_left, steps_below
from analysis.plots.design import seeds_of
from analysis.plots.drawing import Drawn, Experiment
from analysis.statistics.scores import Scores

BASE = "base"


def accuracy_over_training(logs: Sequence[TrainingLog], scores: Scores) -> Drawn:
    """Validation accuracy without experts against the training step: a thin line a seed, a thick one their mean.

    The base policy is the dashed line: its accuracy on the same validation problems (step 0) where the runs measured
    it, else its accuracy on the benchmarks.
    """
    methods = list(dict.fromkeys(log.method for log in logs))
    runs = {method: Runs([log.measured(VALIDATION) for log in logs if log.method == method]) for method in methods}
    figure, panels = curves_of_methods(runs, style.looks(scores.methods))
    for axes in panels:
        base = _base_line(axes, logs, scores)
        percent(axes)
    steps_below(figure, panels)
    label_left(figure, panels, "Validation accuracy, no experts")
    if len(panels) == 1:
        # Beside the curves: there is no room among them.
        legend_above(figure, panels[0])
    seeds = seeds_of((method, len(runs[method].values)) for method in methods)
    return Drawn(
        figure,
        "Accuracy on the validation problems with experts locked off, against the training step. Thin lines: training "
        f"seeds; thick lines: their mean; bands: {OVER_SEEDS}, on the same problems.{base} {seeds}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return accuracy_over_training(experiment.logs, experiment.scores)


def _base_line(axes: Axes, logs: Sequence[TrainingLog], scores: Scores) -> str:
    before = [float(steps[0]) for log in logs if 0 in (steps := log.measured(VALIDATION)).index]
    if before:
        value, label, said = float(np.mean(before)), "Base policy (before training)", "the policy before training"
    elif BASE in scores.methods:
        value, label = float(scores.accuracies(BASE, ALL).to_numpy().mean()), "Base policy (on the benchmarks)"
        said = "the base policy on the benchmarks, which are other questions"
    else:
        return ""
    axes.axhline(value, color=style.looks({*scores.methods, BASE})[BASE][0], linestyle="--", linewidth=1.4, label=label)
    return f" Dashed: {said}."
