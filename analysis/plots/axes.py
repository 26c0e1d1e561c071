"""What the axes of several figures have in common."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter


def percent(axes: Axes) -> None:
    """A vertical axis of accuracies or rates, from zero."""
    axes.set_ylim(bottom=0)
    low, high = axes.get_ylim()
    axes.set_ylim(low, min(1.02, max(high, 0.05)))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0 if high > 0.1 else 1))


def legend_above(figure: Figure, *panels: Axes) -> None:
    """One legend for the whole figure, of the artists of ``panels``, each label once, if there are any."""
    found: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        figure.legend(
            list(found.values()), list(found), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(4, len(found))
        )


def nothing(text: str) -> Figure:
    """A figure that has nothing to show, and says so."""
    figure, axes = plt.subplots(figsize=(6.4, 1.6))
    say(axes, text)
    return figure


def say(axes: Axes, text: str) -> None:
    """Words in place of a plot that has nothing to show."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color="0.25", wrap=True)
