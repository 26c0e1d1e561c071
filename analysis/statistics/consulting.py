"""What a policy does with its experts over training, of the rollouts that are kept word for word, group by group.

A group is the rollouts of one problem in one step, discarded ones included: all of them are kept, of the first
``training.transcripts.groups_per_step`` problems of a step, so that they are a sample of the step's groups that nobody
chose. A rollout without an accepted reply is unassisted. A group is critical, as for the method's bonus, where it has
unassisted rollouts and all of them are wrong: there, help was needed. Where a group has none, nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.intake.training_log import CONSULTS, TURNS, TrainingLog
from analysis.intake.transcripts import Transcript
from analysis.statistics.modes import MODES, is_clear, mode

#: A policy no longer consults where fewer of its rollouts do; ours.
FEW = 0.05
#: In how many parts of equal length training is looked at; ours.
PARTS = 6


class Facts(NamedTuple):
    """What counts of a rollout.

    Attributes:
        step: of training.
        prompt: id of the problem.
        mode: of :data:`analysis.statistics.modes.MODES`.
        clear: whether that does not hang on where its limit is.
        consulted: whether it closed a consultation.
        let_through: whether a query of its was; None where it asked none.
        assisted: whether it was shown a reply.
        correct: whether its answer is right.
        answer: reward for the answer, with the penalty for length.
        bonus: for consulting.
        cost: of consulting, as it is added: 0 or less.
    """

    step: int
    prompt: str
    mode: str
    clear: bool
    consulted: bool
    let_through: bool | None
    assisted: bool
    correct: bool
    answer: float
    bonus: float
    cost: float


def facts(rollouts: Iterable[Transcript]) -> list[Facts]:
    """Of the training rollouts; those of a validation, where nobody can be asked, are left out."""
    return [_facts(one) for one in rollouts if one.phase != "validation"]


def _facts(one: Transcript) -> Facts:
    asking = [turn.let_through for turn in one.turns if turn.queries]
    return Facts(
        step=one.step,
        prompt=one.prompt,
        mode=mode(one),
        clear=is_clear(one),
        consulted=bool(one.turns),
        let_through=any(asking) if asking else None,
        assisted=one.accepted > 0,
        correct=one.correct,
        answer=one.reward["answer"] + one.reward["overlong"],
        bonus=one.reward["bonus"],
        cost=-one.reward["cost"],
    )


#: What :func:`behaviour` says.
BEHAVIOUR = (
    *("rollouts", *MODES, "mode_unclear", "critical_rate", "let_through_critical", "held_back_critical"),
    *("needed_rate", "worth_groups", "worth_answer", "worth_bonus", "worth_cost"),
)


def behaviour(rollouts: Sequence[Facts]) -> dict[str, float]:
    """The columns ``BEHAVIOUR`` of some rollouts; NaN where there was nothing to take a share of.

    rollouts, their number. The share in each mode, and of those that consulted, the share whose mode is unclear.
    critical_rate: of the groups of which it is known, those that are critical; let_through_critical, the gate's
    precision: of the rollouts that had a query let through, those in a critical group; held_back_critical: of those
    whose queries were all held back, likewise (a gate that looked at nothing would let through and hold back alike).
    needed_rate: of the right answers of assisted rollouts, those whose companions without help were all wrong.
    worth_answer, worth_bonus, worth_cost: what consulting earned within a group, which is what the policy learns from:
    the mean reward of the rollouts that consulted minus that of the others, by its parts, mean over the groups that
    have both, worth_groups in number.
    """
    groups: dict[tuple[int, str], list[Facts]] = {}
    for one in rollouts:
        groups.setdefault((one.step, one.prompt), []).append(one)
    critical = {key: hard for key, group in groups.items() if (hard := _is_critical(group)) is not None}
    known = [(one, critical[one.step, one.prompt]) for one in rollouts if (one.step, one.prompt) in critical]
    worth = [gained for group in groups.values() if (gained := _worth(group)) is not None]
    return {
        "rollouts": float(len(rollouts)),
        **{name: _share(one.mode == name for one in rollouts) for name in MODES},
        "mode_unclear": _share(not one.clear for one in rollouts if one.consulted),
        "critical_rate": _share(critical.values()),
        "let_through_critical": _share(hard for one, hard in known if one.let_through is True),
        "held_back_critical": _share(hard for one, hard in known if one.let_through is False),
        "needed_rate": _share(hard for one, hard in known if one.assisted and one.correct),
        "worth_groups": float(len(worth)),
        **{f"worth_{part}": _mean(gained[part] for gained in worth) for part in ("answer", "bonus", "cost")},
    }


def died(log: TrainingLog) -> float:
    """The first step from which on fewer than ``FEW`` of the rollouts consulted, to the end; NaN: there is none."""
    return _ended(log.measured(CONSULTS) >= FEW)


def closed(log: TrainingLog) -> float:
    """Likewise, from which on no rollout had a turn to consult in: to consult was no longer the policy's choice."""
    return _ended(log.measured(TURNS) > 0)


def _ended(alive: pd.Series) -> float:
    """The first step after the last at which it was so."""
    steps = alive.index[alive]
    after = alive.index[alive.index > steps[-1]] if len(steps) else alive.index
    return float(after[0]) if len(after) else math.nan


def parts_of(last_step: int) -> list[tuple[int, int]]:
    """The first and the last step of each of ``PARTS`` parts of a training, or of fewer where it has fewer steps."""
    steps = np.array_split(np.arange(1, last_step + 1), min(PARTS, last_step)) if last_step else []
    return [(int(part[0]), int(part[-1])) for part in steps]


def _is_critical(group: Sequence[Facts]) -> bool | None:
    alone = [one.correct for one in group if not one.assisted]
    return not any(alone) if alone else None


def _worth(group: Sequence[Facts]) -> Mapping[str, float] | None:
    asked, alone = ([one for one in group if one.consulted is consulted] for consulted in (True, False))
    if not asked or not alone:
        return None
    return {
        part: _mean(getattr(one, part) for one in asked) - _mean(getattr(one, part) for one in alone)
        for part in ("answer", "bonus", "cost")
    }


def _share(values: Iterable[bool]) -> float:
    return _mean(map(float, values))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return float(np.mean(found)) if found else math.nan
