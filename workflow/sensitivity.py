"""Settings under which one model answers the same questions: wordings of the prompt, each at the same temperatures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from baselines.arm import Arm

#: What the arms of such settings may differ in.
_VARIED = {"system_prompt", "temperature"}


class Setting(NamedTuple):
    """An arm, and what its prompt's wording is called and at which temperature it is sampled."""

    arm: str
    wording: str
    temperature: float


def settings_of(sensitivity: Mapping[str, Sequence[str]], arms: Mapping[str, Arm], temperature: float) -> list[Setting]:
    """The settings, by wording, then as its arms are listed.

    Args:
        sensitivity: the arms of each wording, by what that is called.
        arms: of the experiment.
        temperature: the experiment's, of arms that have none of their own.

    Raises:
        ValueError: an arm is none, or is trained; or arms differ in more than they may, or in less.
    """
    found: list[Setting] = []
    for wording, names in sensitivity.items():
        for name in names:
            arm = arms.get(name)
            if arm is None or arm.program is not None or arm.needs().start is not None:
                untrained = [one for one, it in arms.items() if it.program is None and it.needs().start is None]
                raise ValueError(
                    f"sensitivity.{wording}: {name!r} is no arm without a run; allowed are {', '.join(untrained)}"
                )
            own = arm.temperature_at_evaluation()
            found.append(Setting(name, wording, temperature if own is None else own))
    if found:
        _check(found, arms)
    return found


def _check(settings: Sequence[Setting], arms: Mapping[str, Arm]) -> None:
    first = settings[0]
    prompts: dict[str, str | None] = {}
    for one in settings:
        prompts.setdefault(one.wording, arms[one.arm].system_prompt)
        where = f"sensitivity.{one.wording}: {one.arm}"
        if _rest(arms[one.arm]) != _rest(arms[first.arm]):
            raise ValueError(f"{where} differs from {first.arm} in more than {' and '.join(sorted(_VARIED))}")
        if arms[one.arm].system_prompt != prompts[one.wording]:
            raise ValueError(f"{where} has another system_prompt than the others of its wording")
    if len({*prompts.values()}) < len(prompts):
        raise ValueError("sensitivity: two wordings have the same system_prompt")
    temperatures = {wording: [*_temperatures(settings, wording)] for wording in prompts}
    if any(sorted(ones) != sorted({*temperatures[first.wording]}) for ones in temperatures.values()):
        said = "; ".join(
            f"{wording}: {', '.join(f'{one:g}' for one in ones)}" for wording, ones in temperatures.items()
        )
        raise ValueError(f"sensitivity: every wording needs the same temperatures, each once ({said})")
    if len(settings) < 2:
        raise ValueError("sensitivity: needed are two settings at least")


def _temperatures(settings: Sequence[Setting], wording: str) -> Iterator[float]:
    return (one.temperature for one in settings if one.wording == wording)


def _rest(arm: Arm) -> dict[str, Any]:
    return {"kind": type(arm).__name__} | arm.model_dump(mode="json", exclude=_VARIED)
