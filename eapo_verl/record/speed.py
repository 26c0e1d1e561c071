"""How fast a run goes: tokens a second, and model FLOPs utilisation (MFU), of a step and of a run. Pure functions.

MFU is what the policy's tokens of a step take, counted by its parameters as costs are
(:mod:`eapo_verl.record.costs`), over what the run's accelerators could compute in the time of the step at their peak.
The time is that of the whole step, rollouts and weight synchronisation included and validation not, so that it is far
below the MFU of an update alone, which ``mfu_update`` is, by verl's own counter.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from eapo_verl.record.costs import policy_costs

Steps = Sequence[Mapping[str, Any]]


def speed(step: Mapping[str, Any], seconds: float, parameters: int | None, peak: float | None) -> dict[str, float]:
    """A step's columns.

    Args:
        step: its other columns, tokens among them.
        seconds: that it took, without validation.
        parameters: of the policy; None: they cannot be counted.
        peak: FLOPs a second of all accelerators together; None: nobody knows, or there are none.

    Returns:
        policy_tokens_per_s and expert_tokens_per_s, tokens that were written; and mfu, in [0, 1], where it is known.
    """
    told = {f"{whose}_tokens_per_s": (step.get(f"{whose}_tokens") or 0) / seconds for whose in ("policy", "expert")}
    flops = policy_costs([step])._replace(policy_parameters=parameters).flops
    return told if flops is None or peak is None else told | {"mfu": flops / (seconds * peak)}


def speed_of_run(steps: Steps) -> dict[str, float | None]:
    """The same over a run, by its lines; None where there is nothing to take a mean of."""
    seconds = {
        index: step["seconds"] - (step.get("seconds_validation") or 0.0)
        for index, step in enumerate(steps)
        if step.get("seconds") is not None
    }
    whole = sum(seconds.values())
    told: dict[str, float | None] = {
        f"{whose}_tokens_per_s": sum(step.get(f"{whose}_tokens") or 0 for step in steps) / whole if whole > 0 else None
        for whose in ("policy", "expert")
    }
    return told | {name: _mean(steps, name, seconds) for name in ("mfu", "mfu_update")}


def _mean(steps: Steps, column: str, seconds: Mapping[int, float]) -> float | None:
    """Of the steps that have the column, by the time that they took."""
    known = {index: steps[index][column] for index in seconds if steps[index].get(column) is not None}
    whole = sum(seconds[index] for index in known)
    return sum(value * seconds[index] for index, value in known.items()) / whole if whole > 0 else None
