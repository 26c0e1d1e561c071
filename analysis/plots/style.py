"""One look for all figures, and one colour and marker for each method."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from analysis.output import whole
from analysis.plots import DPI

_PALETTE = [tuple(colour) for colour in sns.color_palette("colorblind")]
# Fixed, so that a method looks the same in every figure and in every experiment.
_FIXED = {"base": ((0.35, 0.35, 0.35), "D"), "self_exploratory": (_PALETTE[0], "o"), "eapo": (_PALETTE[3], "s")}
_FREE_COLOURS = [_PALETTE[index] for index in (2, 1, 4, 5, 9, 8)]
# One more than the colours, so that both together repeat late.
_FREE_MARKERS = ("^", "v", "P", "X", "<", ">", "*")
#: Of a difference: higher, lower, and what is not shown to be either.
HIGHER, LOWER, NOT_SHOWN = _PALETTE[0], _PALETTE[3], (0.45, 0.45, 0.45)

Look = tuple[tuple[float, ...], str]


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """Colour and marker of each method: the same in all figures, if always asked for all methods of an experiment."""
    known = list(methods)
    others = sorted(set(known) - set(_FIXED))
    free: dict[str, Look] = {
        method: (_FREE_COLOURS[index % len(_FREE_COLOURS)], _FREE_MARKERS[index % len(_FREE_MARKERS)])
        for index, method in enumerate(others)
    }
    return {method: (_FIXED | free)[method] for method in known}


def use() -> None:
    """Set seaborn's and matplotlib's defaults."""
    sns.set_theme(context="paper", style="whitegrid", font_scale=1.15)
    plt.rcParams.update(
        {
            "font.family": "DejaVu Sans",
            "axes.edgecolor": "0.3",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": "0.9",
            "legend.frameon": False,
            "pdf.fonttype": 42,
            "savefig.dpi": DPI,
            "savefig.bbox": "tight",
        }
    )


def save(figure: Figure, folder: Path, stem: str) -> None:
    """Write ``<stem>.pdf`` and ``<stem>.png``; the same data give the same bytes."""
    for suffix, metadata in (
        (".pdf", {"CreationDate": None, "Creator": None, "Producer": None}),
        (".png", {"Software": None}),
    ):
        with whole(folder / f"{stem}{suffix}") as temporary:
            figure.savefig(temporary, metadata=metadata)
    plt.close(figure)
