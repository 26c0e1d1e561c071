"""The families of puzzles that there are, by reasoning-gym's names, and what an experiment says of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny, ValidationError

from eapo_verl.settings.errors import one_line
from workflow.sources.logic.circuit_logic import CircuitLogic
from workflow.sources.logic.knights_knaves import KnightsKnaves
from workflow.sources.logic.propositional_logic import PropositionalLogic
from workflow.sources.logic.puzzle import Family
from workflow.sources.logic.syllogism import Syllogism
from workflow.sources.logic.zebra_puzzles import ZebraPuzzles

FAMILIES: dict[str, type[Family]] = {
    "circuit_logic": CircuitLogic,
    "knights_knaves": KnightsKnaves,
    "propositional_logic": PropositionalLogic,
    "syllogism": Syllogism,
    "zebra_puzzles": ZebraPuzzles,
}


def _read(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"needed is a mapping such as {{syllogism: {{}}}}, of families ({', '.join(FAMILIES)})")
    for name in value:
        if name not in FAMILIES:
            raise ValueError(f"{name!r} is no family of puzzles; allowed are {', '.join(FAMILIES)}")
    return {name: _family(name, one) for name, one in value.items()}


def _family(name: str, options: Any) -> Family:
    if isinstance(options, Family):
        return options
    try:
        return FAMILIES[name].model_validate({} if options is None else options)
    except ValidationError as error:
        raise ValueError(one_line(name, error)) from error


#: Families with their options, at least one.
Families = Annotated[dict[str, SerializeAsAny[Family]], BeforeValidator(_read)]
