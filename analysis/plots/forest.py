"""Differences of methods with their intervals, one below the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.intake.cells import ALL
from analysis.plots import style
from analysis.statistics.outcome import ALPHA
from analysis.statistics.verdict import SMALL, UNDECIDABLE
from analysis.tables.numbers import p_equals, points, span


def forest(
    axes: Axes, rows: pd.DataFrame, labels: Sequence[str], adjustment: str, others: Sequence[float] = ()
) -> None:
    """Draw each row's difference, interval and p.

    Args:
        axes: to draw on.
        rows: of a table of tests; those on all questions are drawn large, with what the design is too small to see.
        labels: of the rows.
        adjustment: of the p-values, as a word.
        others: numbers, in accuracy, that the horizontal axis has to hold, too.
    """
    for y, (_, row) in enumerate(rows.iterrows()):
        whole = row["benchmark"] == ALL
        if whole and math.isfinite(row["mde"]):
            axes.barh(y, 200 * row["mde"], left=-100 * row["mde"], height=0.7, color="0.93", zorder=0)
        colour, shown = verdict(row)
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
    axes.axvline(0, color="0.2", linewidth=1.1, zorder=1)
    axes.set_yticks(range(len(rows)), labels)
    for label, whole in zip(axes.get_yticklabels(), rows["benchmark"] == ALL, strict=True):
        label.set(fontsize=10 if whole else 8, color="0.1" if whole else "0.4")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    detectable = rows[rows["benchmark"] == ALL]["mde"]
    ends = [*rows["ci_low"], *rows["ci_high"], *rows["difference"], *detectable, *-detectable, *others, -0.01, 0.01]
    low, high = 100 * float(np.nanmin(ends)), 100 * float(np.nanmax(ends))
    axes.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Difference in accuracy, in points")
    axes.set_title("Crossed test", loc="left")
    # As high above the axes as the title, whatever the figure's height.
    axes.annotate(
        f"difference (95% CI), p ({adjustment})",
        (1.02, 1.0),
        (0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9.5,
        color="0.3",
    )


def legend(figure: Figure, *more: Artist) -> None:
    """Say below all panels what marks mean, ``more`` of them beside those of :func:`forest`."""
    handles: list[Artist] = [
        Line2D([], [], marker="o", ls="", color=style.HIGHER, label="shown"),
        Line2D([], [], marker="o", ls="", color=style.NOT_SHOWN, markerfacecolor="white", label="not shown"),
        Patch(color="0.9", label="too small for this design"),
        *more,
    ]
    # Of the figure: beside the axes it would take the room that they are drawn in.
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), columnspacing=1.2, handletextpad=0.4)


def verdict(row: pd.Series) -> tuple[tuple[float, ...], bool]:
    """The colour of a row's difference, and whether anything is shown of it; a row may have a word for that."""
    word = row.get("verdict")
    if word in SMALL:
        return style.SMALL, True
    if word == UNDECIDABLE or not row["p_adjusted"] < ALPHA:
        return style.NOT_SHOWN, False
    return (style.HIGHER if row["difference"] > 0 else style.LOWER), True
