"""pass@k against k: whether a method solves questions that another never does, or the same ones more often."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedLocator, NullLocator

from analysis.intake.cells import ALL
from analysis.plots import style
from analysis.plots.axes import percent
from analysis.plots.design import OVER_QUESTIONS, design
from analysis.plots.drawing import Drawn, Experiment
from analysis.statistics import metrics
from analysis.statistics.intervals import over_questions
from analysis.statistics.scores import Scores
from analysis.tables.names import name


def pass_at_k_curves(scores: Scores) -> Drawn:
    """Unbiased pass@k on all questions for k = 1, 2, 4, … to the number of samples, with intervals over questions."""
    fewest = int(scores.frame["n"].min())
    ks = [2**power for power in range(fewest.bit_length()) if 2**power < fewest] + [fewest]
    looks = style.looks(scores.methods)
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    for method in scores.methods:
        rows = scores.of(method, ALL)
        colour, marker = looks[method]
        # The same few counts come again and again.
        counts = sorted(set(zip(rows["n"], rows["correct"], strict=True)))
        means, lows, highs = [], [], []
        for k in ks:
            of_count = {(n, c): metrics.pass_at_k(int(n), int(c), k) for n, c in counts}
            cells = rows.assign(value=[of_count[pair] for pair in zip(rows["n"], rows["correct"], strict=True)])
            by_question = cells.groupby(["benchmark", "question_id"])["value"].mean().to_numpy()
            interval = over_questions([by_question])
            means.append(float(np.mean(by_question)))
            lows.append(interval.low)
            highs.append(interval.high)
        axes.fill_between(ks, lows, highs, color=colour, alpha=0.1, linewidth=0)
        axes.plot(ks, means, color=colour, marker=marker, markersize=5.5, linewidth=1.8, label=name(method))
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(ks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ks, [str(k) for k in ks])
    axes.set_xlabel("k")
    axes.set_ylabel("pass@k")
    percent(axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(4, len(scores.methods)))
    return Drawn(
        figure,
        "Chance that at least one of k samples is right, unbiased, on all questions; at k = 1 it is the accuracy. "
        f"Bands: {OVER_QUESTIONS}, training seeds averaged. {design(scores)}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return pass_at_k_curves(experiment.scores)
