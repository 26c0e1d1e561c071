"""Length of responses against whether they are right."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from analysis.plots import style
from analysis.plots.axes import nothing, percent
from analysis.plots.design import design
from analysis.plots.drawing import Drawn, Experiment
from analysis.statistics.scores import Scores
from analysis.tables.names import name

# Fill and hatching, so that they differ in print as well.
_KINDS = {"right": ("#0173b2", ""), "wrong": ("#de8f05", "////"), "unanswered": ("#cccccc", "....")}
FIFTHS = 5


def length_and_correctness(responses: pd.DataFrame, scores: Scores) -> Drawn:
    """Left: lengths of right, wrong and unanswered responses. Right: accuracy of each method by fifth of length.

    Args:
        responses: a row each, with the columns method, n_tokens, correct, unanswered.
        scores: the experiment's scores, for the caption.
    """
    measured = responses.dropna(subset="n_tokens")
    if measured.empty:
        return Drawn(
            nothing("The samples do not tell their length in tokens."),
            "The samples do not tell their length in tokens.",
        )
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10.4, max(3.6, 1.2 + 0.5 * len(scores.methods))), layout="constrained"
    )
    _boxes(left, measured, scores)
    _fifths(right, measured, scores)
    return Drawn(
        figure,
        "Length of responses in tokens. Left: boxes from the first to the third quartile with the median, whiskers "
        "from the 5th to the 95th percentile, of all responses of all seeds. Right: accuracy of the shortest to the "
        "longest fifth of a method's responses; no interval is drawn. Harder questions have longer responses, so that "
        f"a slope is no effect of length. {design(scores)}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return length_and_correctness(experiment.responses, experiment.scores)


def _boxes(axes: Axes, responses: pd.DataFrame, scores: Scores) -> None:
    kind = np.where(responses["correct"], "right", np.where(responses["unanswered"], "unanswered", "wrong"))
    for row, method in enumerate(scores.methods):
        for index, (which, (colour, hatch)) in enumerate(_KINDS.items()):
            tokens = responses["n_tokens"][(responses["method"] == method) & (kind == which)]
            if tokens.empty:
                continue
            low, first, median, third, high = np.quantile(tokens, [0.05, 0.25, 0.5, 0.75, 0.95])
            box = {"whislo": low, "q1": first, "med": median, "q3": third, "whishi": high}
            axes.bxp(
                [box],
                positions=[row + 0.27 * (index - 1)],
                widths=0.22,
                orientation="horizontal",
                showfliers=False,
                patch_artist=True,
                boxprops={"facecolor": colour, "hatch": hatch, "edgecolor": "0.25", "linewidth": 0.8},
                medianprops={"color": "0.05", "linewidth": 1.6},
                manage_ticks=False,
            )
    axes.set_yticks(range(len(scores.methods)), [name(method) for method in scores.methods])
    axes.set_ylim(len(scores.methods) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Tokens of a response")
    handles = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="0.25", label=which) for which, (colour, hatch) in _KINDS.items()
    ]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(handles))


def _fifths(axes: Axes, responses: pd.DataFrame, scores: Scores) -> None:
    looks = style.looks(scores.methods)
    for method in scores.methods:
        rows = responses[responses["method"] == method]
        # Ranks, so that the fifths are of one size although many responses are of one length.
        fifth = (rows["n_tokens"].rank(method="first") - 1) * FIFTHS // len(rows)
        by_fifth = rows.groupby(fifth).agg(tokens=("n_tokens", "mean"), accuracy=("correct", "mean"))
        colour, marker = looks[method]
        axes.plot(
            by_fifth["tokens"], by_fifth["accuracy"], color=colour, marker=marker, markersize=5.5, label=name(method)
        )
    axes.set_xlim(left=0)
    axes.set_xlabel("Mean tokens of a fifth of the responses")
    axes.set_ylabel("Accuracy")
    percent(axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
