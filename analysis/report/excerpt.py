"""Which rollouts the report shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from analysis.intake.runs import ASKED, Run
from analysis.intake.transcripts import FILE, Transcript, read_transcripts
from analysis.report.rollout_text import as_text

#: One rollout of each of these is shown, in this order.
KINDS: dict[str, Callable[[Transcript], bool]] = {
    "A reply was shown, and the answer is right": lambda one: one.accepted > 0 and one.correct,
    "A reply was shown, and the answer is wrong": lambda one: one.accepted > 0 and not one.correct,
    "The trigger held a consultation back": lambda one: any(
        turn.queries and not turn.let_through for turn in one.turns
    ),
    "It asked, and no reply was shown": lambda one: (
        bool(one.turns) and all(turn.let_through for turn in one.turns) and one.accepted == 0
    ),
    "It did not ask": lambda one: one.phase != "validation" and not one.turns,
    "The last validation, without experts": lambda one: one.phase == "validation",
}
_ANOTHER = "Another that asked"


class Excerpt(NamedTuple):
    """Rollouts of one run as the page shows them.

    Attributes:
        method: of the run.
        seed: of the run.
        total: rollouts that its file holds.
        shown: of each that is shown, what for, and its text.
    """

    method: str
    seed: int
    total: int
    shown: list[tuple[str, str]]


def excerpt(runs: Sequence[tuple[Path, Run]]) -> Excerpt | None:
    """Of the first run that asked experts and has transcripts beside its run.json; None where there is no such run.

    Args:
        runs: path and content of each run.json, in the experiment's order.

    Raises:
        InputError: its transcripts are not what they should be.
    """
    for path, run in runs:
        file = path.with_name(FILE)
        if run.fates.get(ASKED) and file.exists():
            rollouts = list(read_transcripts(file))
            shown = [(kind, as_text(one)) for kind, one in choose(rollouts)]
            if shown:
                return Excerpt(run.method, run.seed, len(rollouts), shown)
    return None


def choose(rollouts: Sequence[Transcript]) -> list[tuple[str, Transcript]]:
    """At most one rollout for each of ``KINDS``, by a rule without a choice: nobody picks the nice ones.

    Of the i-th of n kinds (from 0), the rollout whose step is nearest to (i + 1/2) / n of the last step; of several the
    first in the file. Where a kind has none that is not taken yet, its place goes to one that asked, by the same rule,
    or stays empty.
    """
    last = max((one.step for one in rollouts), default=0)
    taken: dict[int, str] = {}
    for number, (kind, belongs) in enumerate(KINDS.items()):
        aim = (number + 0.5) / len(KINDS) * last
        open_ = [index for index in range(len(rollouts)) if index not in taken]
        fitting = [index for index in open_ if belongs(rollouts[index])]
        others = [index for index in open_ if rollouts[index].turns]
        if fitting or others:
            nearest = min(fitting or others, key=lambda index: abs(rollouts[index].step - aim))
            taken[nearest] = kind if fitting else _ANOTHER
    return [(kind, rollouts[index]) for index, kind in taken.items()]
