"""The figures, a module each; :mod:`analysis.plots.style` is their look, :mod:`analysis.plots.figures` their list."""

from __future__ import annotations

from typing import NamedTuple

from matplotlib.figure import Figure


class Drawn(NamedTuple):
    """A figure and its caption, which says what is shown, of how many questions, samples and seeds, which interval."""

    figure: Figure
    caption: str
