"""Which questions each method answers: a heat map, method x question."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import PercentFormatter

from analysis.plots.design import design, number_of_questions
from analysis.plots.drawing import Drawn, Experiment
from analysis.plots.heat_map import heat_map
from analysis.statistics.scores import Scores
from analysis.tables.names import row_name


def question_heat_map(scores: Scores) -> Drawn:
    """Accuracy of each method (rows, seeds averaged) on each question (columns, the easiest first), by benchmark."""
    sizes = [number_of_questions(scores, benchmark) for benchmark in scores.benchmarks]
    figure, grid = plt.subplots(
        1,
        len(sizes),
        figsize=(max(7.0, min(11.0, 1.6 + 0.13 * sum(sizes))), 1.3 + 0.32 * len(scores.methods)),
        width_ratios=sizes,
        layout="constrained",
        squeeze=False,
    )
    for index, (axes, benchmark) in enumerate(zip(grid[0], scores.benchmarks, strict=True)):
        table = pd.DataFrame({method: scores.accuracies(method, benchmark).mean(axis=1) for method in scores.methods}).T
        table = table[table.mean().sort_values(ascending=False, kind="stable").index]
        image = heat_map(axes, table, named=index == 0, edgecolors="white", linewidth=0.4)
        axes.set_xticks([])
        axes.set_xlabel(f"{row_name(benchmark)}\n({sizes[index]} questions)")
    figure.colorbar(image, ax=list(grid[0]), label="Accuracy", format=PercentFormatter(xmax=1), pad=0.015, aspect=12)
    return Drawn(
        figure,
        "Accuracy of each method on each question, training seeds averaged; in each benchmark the questions are sorted "
        f"by their mean over the methods, the easiest first. No interval is drawn. {design(scores)}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return question_heat_map(experiment.scores)
