"""Paired differences of the declared comparisons: whether a difference is real can be seen here."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.intake.cells import ALL, MACRO
from analysis.plots import style
from analysis.plots.design import design
from analysis.plots.drawing import Drawn, Experiment
from analysis.plots.forest import forest, legend, verdict
from analysis.statistics.outcome import ALPHA
from analysis.statistics.scores import Scores
from analysis.statistics.significance import PRIMARY
from analysis.tables.names import name, row_name
from analysis.tables.shown import detectable_text
from analysis.tables.significance import primary_comparison

# Characters of a label; what is longer would take the panels' room, and stands in the table.
LONGEST = 44
# With more rows than this, the benchmarks are left to the table.
MOST_ROWS = 24


def paired_differences(scores: Scores, significance: pd.DataFrame) -> Drawn:
    """Left: the declared comparisons with the crossed test's interval. Right: the primary one, question by question.

    Args:
        scores: the experiment's scores.
        significance: the table that :func:`analysis.tables.significance.significance_table` makes of them.
    """
    rows = _rows(significance)
    height = max(3.4, 0.9 + 0.3 * len(rows))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10.4, height), width_ratios=(1.35, 1), layout="constrained", gridspec_kw={"wspace": 0.06}
    )
    primary = primary_comparison(significance)
    interest = float(primary["smallest_effect"])
    forest(left, rows, [_label(row) for _, row in rows.iterrows()], "Holm", (-interest, interest))
    for side in (-interest, interest):
        left.axvline(100 * side, color="0.4", linewidth=0.9, linestyle=":", zorder=1)
    legend(figure, Line2D([], [], marker="o", ls="", color=style.SMALL, label="none of interest"))
    _by_question(right, scores, primary)
    return Drawn(
        figure,
        "Paired differences in accuracy, first method minus second. Left: every declared comparison, with the 95% "
        "confidence interval of the crossed test (questions and training seeds random; no seed term for a method with "
        "one seed), p after Holm's adjustment. Filled: the difference is shown (blue, red; adjusted p < 0.05), or that "
        f"it is smaller than {100 * interest:g} points (green; the dotted lines); hollow and grey: neither is. "
        "Grey band: true differences that this design may miss more than one time in five, "
        f"at the strictest of Holm's levels; {_band(primary)}Right: {name(primary['method_a'])} minus "
        f"{name(primary['method_b'])} on each question, sorted; bars: "
        "95% Newcombe interval of the pooled samples, of these checkpoints; line and band: the mean and its interval, "
        f"as on the left. {design(scores)}",
    )


def draw(experiment: Experiment) -> Drawn:
    """As :data:`analysis.plots.FIGURES` calls it."""
    return paired_differences(experiment.scores, experiment.significance)


def _band(primary: pd.Series) -> str:
    """How surely the end of the grey band is known."""
    if math.isnan(primary["mde"]):
        return "it is unknown for the primary comparison. "
    return f"its end, in points, and the 95% interval of that: {detectable_text(primary)} for the primary comparison. "


def _rows(significance: pd.DataFrame) -> pd.DataFrame:
    """All questions of each comparison first, then its benchmarks, where they are few enough to be read."""
    crossed = significance[(significance["test"] == PRIMARY) & (significance["benchmark"] != MACRO)]
    pairs = crossed.drop_duplicates(["method_a", "method_b"])[["method_a", "method_b"]]
    per_pair = len(crossed) // len(pairs)
    if per_pair == 2 or len(crossed) > MOST_ROWS:
        crossed = crossed[crossed["benchmark"] == ALL]
    order = {f"{a}:{b}": index for index, (a, b) in enumerate(pairs.itertuples(index=False))}
    place = (crossed["method_a"] + ":" + crossed["method_b"]).map(order)
    return crossed.assign(place=place, inner=crossed["benchmark"] != ALL).sort_values(["place", "inner"], kind="stable")


def _label(row: pd.Series) -> str:
    if row["benchmark"] != ALL:
        return _short(row_name(row["benchmark"]))
    a, b = (name(row[f"method_{side}"]) for side in "ab")
    # Of a long pair each name has a line.
    return f"{a} − {b}" if len(a) + len(b) < LONGEST else f"{_short(a)}\n− {_short(b)}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _by_question(axes: Axes, scores: Scores, primary: pd.Series) -> None:
    a, b = (_counts(scores, primary[f"method_{side}"]) for side in "ab")
    difference = a["accuracy"] - b["accuracy"]
    order = difference.sort_values(ascending=False, kind="stable").index
    low, high = confint_proportions_2indep(
        a["correct"][order].to_numpy(),
        a["n"][order].to_numpy(),
        b["correct"][order].to_numpy(),
        b["n"][order].to_numpy(),
        method="newcomb",
        compare="diff",
        alpha=ALPHA,
    )
    x = np.arange(1, len(order) + 1)
    colour, _ = verdict(primary)
    axes.axhspan(100 * primary["ci_low"], 100 * primary["ci_high"], color=colour, alpha=0.22, linewidth=0)
    axes.axhline(100 * primary["difference"], color=colour, linewidth=1.8)
    axes.axhline(0, color="0.2", linewidth=1.1)
    axes.vlines(x, 100 * low, 100 * high, color="0.6", linewidth=0.9)
    axes.plot(x, 100 * difference[order], "o", color="0.15", markersize=3.2)
    axes.set_title("Primary comparison, by question", loc="left")
    axes.set_xlabel(f"{len(order)} questions, sorted")
    axes.set_ylabel("Difference, in points")
    axes.set_xlim(0, len(order) + 1)
    axes.grid(visible=False, axis="x")


def _counts(scores: Scores, method: str) -> pd.DataFrame:
    """Right samples and samples of each question over all seeds, and the mean of the seeds' accuracies."""
    return scores.counts(method, ALL).assign(accuracy=scores.accuracies(method, ALL).mean(axis=1))
