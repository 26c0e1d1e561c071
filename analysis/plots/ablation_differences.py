"""What each component adds: differences with their intervals, beside the paper's."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D

from analysis.intake.cells import ALL
from analysis.plots.design import design
from analysis.plots.drawing import Drawn, Experiment
from analysis.plots.forest import forest, legend
from analysis.statistics.scores import Scores
from analysis.tables.shown import component_name

_PAPER: dict[str, Any] = {"marker": "x", "ls": "", "color": "0.1", "markeredgewidth": 1.6}


def ablation_differences(scores: Scores, ablations: pd.DataFrame) -> Drawn:
    """The pooled difference of every component, in the order in which they were declared.

    Args:
        scores: the experiment's scores.
        ablations: the table that :func:`analysis.tables.ablations.ablations_table` makes of them.
    """
    rows = ablations[ablations["benchmark"] == ALL]
    height = max(3.4, 0.9 + 0.3 * len(rows))
    figure, axes = plt.subplots(figsize=(8.4, height), layout="constrained")
    reported = list(rows["reported"])
    forest(axes, rows, [component_name(component) for component in rows["component"]], "BH", reported)
    # Where it reports none, it is NaN, which is not drawn.
    axes.plot([100 * value for value in reported], range(len(rows)), **_PAPER, zorder=4)
    legend(figure, Line2D([], [], **_PAPER, label="reported by the paper"))
    return Drawn(
        figure,
        "What each component adds, in accuracy on all questions: the method with it minus the method without it, with "
        "the 95% confidence interval of the crossed test (questions and training seeds random), p after Benjamini and "
        "Hochberg's adjustment over the components. Filled and coloured: the difference is shown (adjusted p < 0.05); "
        "hollow and grey: it is not. Grey band: true differences that this design may miss more than one time in five, "
        "at the strictest of the adjustment's levels. Cross: the paper's own difference, of its models on its "
        f"benchmarks, where it reports both. {design(scores)}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.OF_ABLATIONS` calls it."""
    assert experiment.ablations is not None
    return ablation_differences(experiment.scores, experiment.ablations)
