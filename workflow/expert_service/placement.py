"""Which accelerators each server of experts gets."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from eapo_verl.cpu.environment import on_cpu
from workflow.expert_service.serving import Serving

#: Names the accelerators that a process sees.
DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
_ROUNDING = 1e-6


def place(servings: Sequence[Serving]) -> list[list[tuple[int, ...]]]:
    """For each of ``servings``, the accelerators of each of its replicas, counted from 0.

    A server has its accelerators to itself, unless it says which share of their memory it takes: then others whose
    shares fit beside it are put there, too.
    """
    taken: list[float] = []

    def of_one(serving: Serving) -> tuple[int, ...]:
        share = serving.gpu_memory_utilization or 1.0
        room = [index for index, used in enumerate(taken) if used + share <= 1.0 + _ROUNDING]
        found = room[: serving.accelerators]
        new = range(len(taken), len(taken) + serving.accelerators - len(found))
        taken.extend(0.0 for _ in new)
        for index in (*found, *new):
            taken[index] += share
        return (*found, *new)

    return [[of_one(serving) for _ in range(serving.replicas)] for serving in servings]


def needed(servings: Sequence[Serving]) -> int:
    """How many accelerators they take together, on one machine."""
    return 1 + max((index for one in place(servings) for replica in one for index in replica), default=-1)


def visible() -> list[str] | None:
    """The accelerators that this process sees, by their names for others; None where it computes on CPUs."""
    if on_cpu():
        return None
    named = os.environ.get(DEVICES_VARIABLE)
    if named is not None:
        return [one.strip() for one in named.split(",") if one.strip()]
    return [str(index) for index in range(installed())]


def installed() -> int:
    """How many accelerators this machine has."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def shortage(servings: Mapping[str, Serving], there: int, where: str, beside: int = 0) -> str | None:
    """One line where ``there`` accelerators are too few; None where they are enough.

    Args:
        servings: by the expert.
        there: how many there are.
        where: of what, for people.
        beside: that something else takes, and experts may not.
    """
    if (wanted := needed(list(servings.values()))) + beside <= there:
        return None
    each = ", ".join(
        f"{name} {one.replicas} × {one.accelerators}" if one.replicas > 1 else f"{name} {one.accelerators}"
        for name, one in servings.items()
    )
    others = f" beside {beside} that train or sample" if beside else ""
    return (
        f"experts need {wanted} accelerators ({each}){others}, and {where} has {there}: fewer replicas, smaller "
        "parallel sizes or shares (gpu_memory_utilization), or experts elsewhere (base_url)"
    )
