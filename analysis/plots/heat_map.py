"""Rows of coloured cells, a method each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh

from analysis.tables.names import name

# Brightness grows steadily in it, also in grey and for all kinds of colour vision.
_COLOURS = "cividis"


def heat_map(
    axes: Axes, table: pd.DataFrame, named: bool, edges: Sequence[float] | None = None, **cells: Any
) -> QuadMesh:
    """Draw ``table``, rates in [0, 1], a row a method of its index, the first on top; what is missing stays white.

    Args:
        named: whether the methods' names stand at the left, or at another panel of the same rows.
        edges: of the columns, one more than there are; None: columns of width 1.
        cells: matplotlib's arguments of ``pcolormesh``.
    """
    across = range(table.shape[1] + 1) if edges is None else edges
    image = axes.pcolormesh(
        across, np.arange(len(table) + 1) - 0.5, table.to_numpy(), cmap=_COLOURS, vmin=0, vmax=1, **cells
    )
    axes.invert_yaxis()
    axes.set_yticks(range(len(table)), [name(method) if named else "" for method in table.index])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image
