"""What a method cost, in training and in evaluation: columns of the main table, and a table of their own to read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from analysis.intake.cells import ALL
from analysis.intake.runs import Run
from analysis.tables.names import name
from analysis.tables.numbers import MISSING, amount, rounded


def _block(*names: str) -> Callable[[Run], float]:
    """The sum of some of a run's costs; NaN where it does not know one."""

    def of(run: Run) -> float:
        found = [None if run.costs is None else run.costs[one] for one in names]
        return sum(math.nan if one is None else one for one in found)

    return of


#: Columns of main.csv, each of one run. Tokens that the policy sampled, and that it was trained on; tokens that experts
#: wrote, or gave log-probabilities of; FLOPs by parameter count; seconds.
TRAINING: Mapping[str, Callable[[Run], float]] = {
    "train_policy_tokens": _block("policy_tokens_sampled"),
    "train_trained_tokens": _block("policy_tokens_trained"),
    "train_expert_tokens": _block("expert_tokens", "expert_tokens_scored"),
    "train_expert_requests": _block("expert_requests"),
    "train_flops": _block("flops"),
    "train_wall_s": lambda run: math.nan if run.wall_s is None else run.wall_s,
}


def training_costs(method: str, runs: Sequence[Run]) -> dict[str, float]:
    """The mean of each of :data:`TRAINING` over the runs of a method; NaN without one, or where one does not know."""
    own = [run for run in runs if run.method == method]
    return {column: sum(of(run) for run in own) / len(own) if own else math.nan for column, of in TRAINING.items()}


def cost_rows(main: pd.DataFrame) -> list[dict[str, str]]:
    """A row a method: its training, an answer of its in evaluation, and what it declares beside the budget."""
    return [
        {
            "method": name(row["method"]),
            "policy tokens": amount(row["train_policy_tokens"]),
            "trained on": amount(row["train_trained_tokens"]),
            "expert tokens": amount(row["train_expert_tokens"]),
            "expert requests": amount(row["train_expert_requests"]),
            "FLOPs": amount(row["train_flops"]),
            "minutes": rounded(row["train_wall_s"] / 60, 1),
            "policy tokens an answer": rounded(row["n_tokens_mean"], 1),
            "expert tokens an answer": rounded(row["expert_tokens_mean"], 1),
            "beside the budget": row["spends"].replace("_", " ") if isinstance(row["spends"], str) else MISSING,
        }
        for _, row in main[main["benchmark"] == ALL].iterrows()
    ]
