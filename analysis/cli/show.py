"""Rollouts of a run as text."""

from __future__ import annotations

from pathlib import Path

from analysis import InputError
from analysis.intake.transcripts import FILE, read_transcripts
from analysis.report.rollout_text import as_text


def show(run: Path, step: int | None, prompt: str | None, consulted: bool, most: int) -> str:
    """The text of the rollouts that are asked for; of more than ``most``, so many at even distances in the file.

    Args:
        run: folder of a run.
        step: of this step only.
        prompt: to the problem of this id only.
        consulted: only those that closed a consultation.
        most: how many are shown, at least 1.

    Raises:
        InputError: there are no transcripts, they are not what they should be, or none is asked for.
    """
    path = run / FILE
    rollouts = list(read_transcripts(path))
    found = [
        one
        for one in rollouts
        if step in (None, one.step) and prompt in (None, one.prompt) and (one.turns or not consulted)
    ]
    if not found:
        asking = sum(bool(one.turns) for one in rollouts)
        steps = sorted({one.step for one in rollouts})
        span = f" of steps {steps[0]} to {steps[-1]}, {asking} of them asked" if steps else ""
        raise InputError(f"{path}: holds no such rollout (it holds {len(rollouts)}{span})")
    count = min(most, len(found))
    shown = [found[number * len(found) // count] for number in range(count)]
    tail = f"{count} of {len(found)} such rollouts, of {len(rollouts)} in {path}\n"
    return "\n".join([*map(as_text, shown), tail])
