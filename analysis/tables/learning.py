"""How methods learn: a table of their validation curves, and one of the curves of each compared pair.

Nothing is tested in either: intervals are over training seeds alone (:mod:`analysis.statistics.learning`), and of many
rows some exclude zero by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.statistics.learning import (
    Estimate,
    Learned,
    difference_over_seeds,
    reached,
    share_over_seeds,
    shared_mean,
)
from analysis.tables import LEARNING, LEARNING_PAIRS
from analysis.tables.files import framed, read_table
from analysis.tables.names import name
from analysis.tables.numbers import MISSING, amount, count_range, points, points_within, rounded

#: Of learning.csv, a row a method with a curve. Accuracies lie in 0 to 1, intervals are 95%.
COLUMNS: dict[str, type] = {
    "method": str,
    "n_seeds": float,
    # The last step that all of its seeds reached, and accuracy at each seed's first and last measured step.
    "steps": float,
    "start": float,
    "end": float,
    "end_low": float,
    "end_high": float,
    # Mean accuracy over the steps that all of its seeds measured: the area under the curve over its width.
    "area": float,
    "area_low": float,
    "area_high": float,
    # Of policy and experts, the mean over seeds: at the first measured step, and at the last.
    "tokens_before": float,
    "tokens": float,
}
#: Of learning_pairs.csv, for either side of a comparison: when its mean curve is at the other's end or above.
_REACHING: dict[str, type] = {
    # The first such step; empty where there is none.
    "step": float,
    # How many of its seeds get there, and the first and the last of their steps; the last is empty where one does not.
    "reached": float,
    "first": float,
    "last": float,
    # What it had cost by then, and the whole run; the means over seeds.
    "tokens": float,
    "tokens_in_all": float,
    # Its own end, which the other side is held against.
    "end": float,
}
#: Of learning_pairs.csv, a row a compared pair whose methods both have curves; a minus b.
PAIR_COLUMNS: dict[str, type] = {
    "method_a": str,
    "method_b": str,
    "seeds_a": float,
    "seeds_b": float,
    # Of areas, over the steps that both have; up to which step.
    "area_steps": float,
    "area_difference": float,
    "area_low": float,
    "area_high": float,
    # Of accuracies when either had cost as many tokens as the cheaper one did in all; empty where one had spent more
    # before its first step.
    "equal_tokens": float,
    "equal_difference": float,
    "equal_low": float,
    "equal_high": float,
    **{f"{column}_{side}": kind for side in "ab" for column, kind in _REACHING.items()},
}


def learning_table(curves: Mapping[str, Learned]) -> pd.DataFrame:
    """A row a method, with :data:`COLUMNS`."""
    rows = []
    for method, one in curves.items():
        end, whole = share_over_seeds(one.ends), share_over_seeds(one.areas(*one.span))
        rows.append(
            {
                "method": method,
                "n_seeds": len(one.curves),
                "steps": one.span[1],
                "start": float(np.mean([curve.iloc[0] for curve in one.curves])),
                **_named("end", end),
                **_named("area", whole),
                "tokens_before": _tokens(one, 0),
                "tokens": _tokens(one, -1),
            }
        )
    return framed(rows, COLUMNS)


def learning_pairs(curves: Mapping[str, Learned], pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """A row a pair of which both have a curve, each once, with :data:`PAIR_COLUMNS`."""
    rows = []
    for a, b in dict.fromkeys(pairs):
        if a in curves and b in curves:
            sides = {"a": curves[a], "b": curves[b]}
            rows.append(
                {
                    "method_a": a,
                    "method_b": b,
                    **{f"seeds_{side}": len(one.curves) for side, one in sides.items()},
                    **_areas(*sides.values()),
                    **_at_equal_cost(*sides.values()),
                    **{f"{column}_a": value for column, value in _reaching(curves[a], curves[b]).items()},
                    **{f"{column}_b": value for column, value in _reaching(curves[b], curves[a]).items()},
                }
            )
    return framed(rows, PAIR_COLUMNS)


def read_learning(folder: Path) -> pd.DataFrame:
    """learning.csv of a folder of tables; without a row where no method has a curve. Raises InputError."""
    return read_table(folder, LEARNING, COLUMNS, may_be_empty=True)


def read_learning_pairs(folder: Path) -> pd.DataFrame:
    """learning_pairs.csv, likewise."""
    return read_table(folder, LEARNING_PAIRS, PAIR_COLUMNS, may_be_empty=True)


def learning_rows(learning: pd.DataFrame) -> list[dict[str, str]]:
    """A row a method as people read it, in points of 100 with 95% intervals."""
    return [
        {
            "method": name(row["method"]),
            "seeds": str(int(row["n_seeds"])),
            "steps": rounded(row["steps"], 0),
            "start": points(row["start"], False),
            "end": points_within(row["end"], row["end_low"], row["end_high"], False),
            "area": points_within(row["area"], row["area_low"], row["area_high"], False),
            "tokens before": amount(row["tokens_before"]),
            "tokens in all": amount(row["tokens"]),
        }
        for _, row in learning.iterrows()
    ]


def learning_pair_rows(pairs: pd.DataFrame) -> list[dict[str, str]]:
    """A row a pair, likewise."""
    return [
        {
            "comparison": f"{name(row['method_a'])} − {name(row['method_b'])}",
            "area": points_within(row["area_difference"], row["area_low"], row["area_high"], True),
            "at equal tokens": points_within(row["equal_difference"], row["equal_low"], row["equal_high"], True),
            "these tokens": amount(row["equal_tokens"]),
            "first at second’s end: step": _step_text(row, "a"),
            "its tokens": _tokens_text(row, "a", "b"),
            "second at first’s end: step": _step_text(row, "b"),
            "its tokens then": _tokens_text(row, "b", "a"),
        }
        for _, row in pairs.iterrows()
    ]


def _step_text(row: pd.Series, side: str) -> str:
    """The step of the mean curve, and of how many seeds in which steps."""
    seeds, there = int(row[f"seeds_{side}"]), int(row[f"reached_{side}"])
    step = "never" if np.isnan(row[f"step_{side}"]) else rounded(row[f"step_{side}"], 0)
    if seeds == 1:
        return step
    first, last = row[f"first_{side}"], row[f"last_{side}"]
    steps = "" if not there else f", {count_range(int(first), int(last))}" if there == seeds else f", from {int(first)}"
    return f"{step} ({there} of {seeds} seeds{steps})"


def _tokens_text(row: pd.Series, side: str, other: str) -> str:
    """What the side had cost there, of what the other one did in all."""
    if np.isnan(row[f"tokens_{side}"]):
        return MISSING
    return f"{amount(row[f'tokens_{side}'])} of {amount(row[f'tokens_in_all_{other}'])}"


def _areas(a: Learned, b: Learned) -> dict[str, float]:
    first, last = max(a.span[0], b.span[0]), min(a.span[1], b.span[1])
    found = difference_over_seeds(a.areas(first, last), b.areas(first, last))
    return {"area_steps": last, "area_difference": found.value, "area_low": found.low, "area_high": found.high}


def _at_equal_cost(a: Learned, b: Learned) -> dict[str, float]:
    tokens = float(np.min([a.tokens_span[1], b.tokens_span[1]]))
    found = difference_over_seeds(a.at_cost(tokens), b.at_cost(tokens))
    return {
        "equal_tokens": tokens,
        "equal_difference": found.value,
        "equal_low": found.low,
        "equal_high": found.high,
    }


def _reaching(one: Learned, other: Learned) -> dict[str, float]:
    """:data:`_REACHING` of one side."""
    mark = float(np.mean(other.ends))
    step = reached(shared_mean(one.curves), mark)
    steps = np.array([reached(curve, mark) for curve in one.curves])
    there = steps[~np.isnan(steps)]
    known = one.tokens is not None and not np.isnan(step)
    return {
        "step": step,
        "reached": float(len(there)),
        "first": float(there.min()) if len(there) else np.nan,
        "last": float(steps.max()),
        "tokens": float(np.mean([spent[int(step)] for spent in one.tokens or ()])) if known else np.nan,
        "tokens_in_all": _tokens(one, -1),
        "end": float(np.mean(one.ends)),
    }


def _named(column: str, estimate: Estimate) -> dict[str, float]:
    return {column: estimate.value, f"{column}_low": estimate.low, f"{column}_high": estimate.high}


def _tokens(one: Learned, place: int) -> float:
    return np.nan if one.tokens is None else float(np.mean([spent.iloc[place] for spent in one.tokens]))
