"""What policies do with their experts, by training run and part of the training.

Rates that every step logs are of all rollouts; the rest is of the groups of rollouts that are kept word for word
(:mod:`analysis.statistics.consulting`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.intake.training_log import ACCEPTANCE, CONSULTS, COPIES, QUERIES, SHOWN, TrainingLog
from analysis.statistics.consulting import BEHAVIOUR, Facts, behaviour, closed, died, parts_of
from analysis.statistics.learning import share_over_seeds
from analysis.statistics.modes import MODES
from analysis.tables import CONSULTING
from analysis.tables.files import framed, read_table
from analysis.tables.names import name
from analysis.tables.numbers import count_range, points, points_within, rounded

#: The part that is the whole training; those of it are numbered from 1.
WHOLE = 0
#: Of consulting.csv: of each run of a method that ever consults, the whole training and its parts.
COLUMNS: dict[str, type] = {
    "method": str,
    "seed": float,
    "part": float,
    "first_step": float,
    "last_step": float,
    # Of the rollouts those that consulted, the mean over steps; of the queries those whose reply was shown; the
    # schedule's rate, and of the assisted rollouts those that answer with what a reply gave, means over steps.
    "consult_rate": float,
    "shown_rate": float,
    "acceptance_rate": float,
    "copy_rate": float,
    # Of the rollouts that are kept word for word.
    **dict.fromkeys(BEHAVIOUR, float),
    # Of the whole training alone: the step from which on the run no longer consults, and that from which on the turn
    # budget leaves it no turn to do so; empty where there is none.
    "died_step": float,
    "closed_step": float,
}


def consulting_table(logs: Sequence[TrainingLog], rollouts: Mapping[tuple[str, int], Sequence[Facts]]) -> pd.DataFrame:
    """Run x part of training, with :data:`COLUMNS`.

    Args:
        logs: of the training runs.
        rollouts: of those of the runs, by method and seed, of which some are kept word for word.
    """
    asking = {log.method for log in logs if (log.measured(CONSULTS) > 0).any()}
    rows = []
    for log in logs:
        if log.method in asking:
            kept = rollouts.get((log.method, log.seed), ())
            last = int(log.steps.index[-1])
            for part, (first, end) in enumerate([(1, last), *parts_of(last)], start=WHOLE):
                place = {"method": log.method, "seed": log.seed, "part": part, "first_step": first, "last_step": end}
                found = behaviour([one for one in kept if first <= one.step <= end])
                ends = {"died_step": died(log), "closed_step": closed(log)}
                ends = ends if part == WHOLE else dict.fromkeys(ends, math.nan)
                rows.append(place | _rates(log, first, end) | found | ends)
    return framed(rows, COLUMNS)


def _rates(log: TrainingLog, first: int, last: int) -> dict[str, float]:
    steps = log.steps.loc[first:last]
    queries = float(steps[QUERIES].sum())
    return {
        "consult_rate": float(steps[CONSULTS].mean()),
        "shown_rate": float(steps[SHOWN].sum()) / queries if queries else math.nan,
        "acceptance_rate": float(steps[ACCEPTANCE].mean()),
        "copy_rate": float(steps[COPIES].mean()),
    }


def read_consulting(folder: Path) -> pd.DataFrame:
    """consulting.csv of a folder of tables; without a row where no method consults. Raises InputError."""
    return read_table(folder, CONSULTING, COLUMNS, may_be_empty=True)


def consulting_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """A row a method, of whole trainings, in percent: means over seeds, with intervals where there are several."""
    return [
        {
            "method": name(str(method)),
            "seeds": str(len(runs)),
            **{label: _percent(runs[column]) for label, column in _RATES.items()},
            "under 5% from step": _from(runs["died_step"]),
            "no turn from step": _from(runs["closed_step"]),
        }
        for method, runs in table[table["part"] == WHOLE].groupby("method", sort=False)
    ]


_RATES = {
    "consulted": "consult_rate",
    "replies shown": "shown_rate",
    "copied": "copy_rate",
    "critical groups": "critical_rate",
    "let through: critical": "let_through_critical",
    "held back: critical": "held_back_critical",
    "needed the reply": "needed_rate",
}


def part_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """A row a method and part of its training: steps, how often it asked and how, and what that earned in a group."""
    rows = []
    for (method, part), runs in table.groupby(["method", "part"], sort=False):
        if part != WHOLE:
            means = runs[[*_OF_PARTS, *_EARNED]].mean()
            groups = int(runs["worth_groups"].sum())
            rows.append(
                {
                    "method": name(str(method)),
                    "steps": count_range(int(runs["first_step"].min()), int(runs["last_step"].max())),
                    **{label: points(means[column], False) for column, label in _OF_PARTS.items()},
                    **{label: rounded(means[column], 3) for column, label in _EARNED.items()},
                    "in groups": str(groups),
                }
            )
    return rows


_OF_PARTS = {
    "consult_rate": "consulted",
    "shown_rate": "replies shown",
    **{mode: mode.replace("_", " ") for mode in MODES},
    "mode_unclear": "unclear",
}
_EARNED = {f"worth_{part}": f"earned by {part}" for part in ("answer", "bonus", "cost")}


def _percent(values: pd.Series) -> str:
    """Of the seeds that tell it."""
    return points_within(*share_over_seeds(values.dropna().tolist()), signed=False)


def _from(steps: pd.Series) -> str:
    there = steps.dropna()
    if there.empty:
        return "never"
    within = count_range(int(there.min()), int(there.max()))
    return within if len(steps) == 1 else f"{within} ({len(there)} of {len(steps)} seeds)"
