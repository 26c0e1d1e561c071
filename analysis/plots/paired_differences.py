"""Paired differences of the declared comparisons: whether a difference is real can be seen here."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.intake.cells import ALL, MACRO
from analysis.plots import style
from analysis.plots.design import design
from analysis.plots.drawing import Drawn, Experiment
from analysis.statistics.outcome import ALPHA
from analysis.statistics.scores import Scores
from analysis.statistics.significance import PRIMARY
from analysis.tables.names import name, row_name
from analysis.tables.numbers import p_equals, points, span
from analysis.tables.shown import detectable_text
from analysis.tables.significance import primary_comparison

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
    _forest(left, rows)
    _legend(left, height)
    primary = primary_comparison(significance)
    _by_question(right, scores, primary)
    return Drawn(
        figure,
        "Paired differences in accuracy, first method minus second. Left: every declared comparison, with the 95% "
        "confidence interval of the crossed test (questions and training seeds random; no seed term for a method with "
        "one seed), p after Holm's adjustment. Filled and coloured: the difference is shown (adjusted p < 0.05); "
        "hollow and grey: it is not. Grey band: true differences that this design may miss more than one time in five, "
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


def _forest(axes: Axes, rows: pd.DataFrame) -> None:
    labels = []
    for y, (_, row) in enumerate(rows.iterrows()):
        whole = row["benchmark"] == ALL
        if whole and math.isfinite(row["mde"]):
            axes.barh(y, 200 * row["mde"], left=-100 * row["mde"], height=0.7, color="0.93", zorder=0)
        colour, shown = _verdict(row)
        size = 2.4 if whole else 1.2
        axes.hlines(y, 100 * row["ci_low"], 100 * row["ci_high"], color=colour, linewidth=size, zorder=2)
        axes.plot(
            100 * row["difference"],
            y,
            "o",
            color=colour,
            markerfacecolor=colour if shown else "white",
            markersize=7.5 if whole else 4.5,
            markeredgewidth=1.6 if whole else 1.1,
            zorder=3,
        )
        interval = span(row["ci_low"], row["ci_high"], True)
        text = f"{points(row['difference'])} ({interval}), p {p_equals(row['p_adjusted'])}"
        axes.text(
            1.02,
            y,
            text,
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=9.5 if whole else 8,
            color="0.1" if whole else "0.4",
        )
        labels.append(f"{name(row['method_a'])} − {name(row['method_b'])}" if whole else row_name(row["benchmark"]))
    axes.axvline(0, color="0.2", linewidth=1.1, zorder=1)
    axes.set_yticks(range(len(rows)), labels)
    for label, whole in zip(axes.get_yticklabels(), rows["benchmark"] == ALL, strict=True):
        label.set(fontsize=10 if whole else 8, color="0.1" if whole else "0.4")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    detectable = rows[rows["benchmark"] == ALL]["mde"]
    ends = [*rows["ci_low"], *rows["ci_high"], *rows["difference"], *detectable, *-detectable, -0.01, 0.01]
    low, high = 100 * float(np.nanmin(ends)), 100 * float(np.nanmax(ends))
    axes.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Difference in accuracy, in points")
    axes.set_title("Crossed test", loc="left")
    axes.text(1.02, 1.02, "difference (95% CI), p (Holm)", transform=axes.transAxes, fontsize=9.5, color="0.3")


def _legend(axes: Axes, height: float) -> None:
    """``height``: of the figure, in inches."""
    handles: list[Artist] = [
        Line2D([], [], marker="o", ls="", color=style.HIGHER, label="shown"),
        Line2D([], [], marker="o", ls="", color=style.NOT_SHOWN, markerfacecolor="white", label="not shown"),
        Patch(color="0.9", label="too small for this design"),
    ]
    axes.legend(
        handles=handles,
        loc="upper left",
        # Below the axis label, which takes the same height whatever the figure's.
        bbox_to_anchor=(-0.25, -0.72 / height),
        ncols=3,
        columnspacing=1.2,
        handletextpad=0.4,
    )


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
    colour, _ = _verdict(primary)
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


def _verdict(row: pd.Series) -> tuple[tuple[float, ...], bool]:
    if not row["p_adjusted"] < ALPHA:
        return style.NOT_SHOWN, False
    return (style.HIGHER if row["difference"] > 0 else style.LOWER), True
