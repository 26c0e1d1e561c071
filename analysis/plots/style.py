"""One look for all figures, and one colour and marker for each method."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from analysis.output import whole
from analysis.plots import DPI
from analysis.tables.names import said_of

#: Told apart by all kinds of colour vision.
PALETTE = [tuple(colour) for colour in sns.color_palette("colorblind")]
_COLOURS = [PALETTE[index] for index in (2, 1, 4, 5, 9, 8)]
# One more than the colours: 42 looks before one comes again, the first of which share neither colour nor marker.
_MARKERS = ("^", "v", "P", "X", "<", ">", "*")
_FREE = [(_COLOURS[index % 6], _MARKERS[index % 7]) for index in range(42)]
#: Of a difference: higher, lower, too small to matter, and what is not shown to be any of these.
HIGHER, LOWER, SMALL, NOT_SHOWN = PALETTE[0], PALETTE[3], PALETTE[2], (0.45, 0.45, 0.45)

Look = tuple[tuple[float, ...], str]


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """Colour and marker of each method: the same in all figures, if always asked for all methods of an experiment.

    A method for which a look is declared (:mod:`analysis.intake.arms`) has it in every experiment, but where one before
    it has declared the same. The others share the rest, in the order of their names: no two of 40 alike, colours that
    nobody has declared first.
    """
    known = list(methods)
    own: dict[str, Look] = {}
    for method in known:
        look = said_of(method).look
        if look is not None and (declared := (to_rgb(look[0]), look[1])) not in own.values():
            own[method] = declared
    taken = {colour for colour, _ in own.values()}
    free = sorted((look for look in _FREE if look not in own.values()), key=lambda look: look[0] in taken)
    others = dict(zip(sorted({*known} - {*own}), itertools.cycle(free), strict=False))
    return {method: (own | others)[method] for method in known}


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
            # A $ in a name begins no formula.
            "text.parse_math": False,
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
