"""One look for all figures, and one colour, marker and name for each method."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from analysis.output import whole

NAMES = {"base": "Base policy", "self_exploratory": "Self-exploratory RL", "eapo": "EAPO", "leap": "LeaP"}
INLINE_NAMES = {"base": "the base policy", "self_exploratory": "self-exploratory RL"}
_PALETTE = [tuple(colour) for colour in sns.color_palette("colorblind")]
# Fixed, so that a method looks the same in every figure and in every experiment.
_FIXED = {"base": ((0.35, 0.35, 0.35), "D"), "self_exploratory": (_PALETTE[0], "o"), "eapo": (_PALETTE[3], "s")}
_FREE = [(_PALETTE[index], marker) for index, marker in ((2, "^"), (1, "v"), (4, "P"), (5, "X"), (9, "<"), (8, ">"))]

Look = tuple[tuple[float, ...], str]


def name(method: str) -> str:
    """The method's name in figures and tables."""
    return NAMES.get(method, method.replace("_", " "))


def inline_name(method: str) -> str:
    """The method's name within a sentence."""
    return INLINE_NAMES.get(method, name(method))


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """Colour and marker of each method."""
    others = sorted(set(methods) - set(_FIXED))
    free = {method: _FREE[index % len(_FREE)] for index, method in enumerate(others)}
    return {method: (_FIXED | free)[method] for method in methods}


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
            "savefig.dpi": 200,
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
