"""The families of puzzles that there are, by reasoning-gym's names, and what an experiment says of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from workflow.sources.families import reader
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

#: Families with their options, at least one.
Families = Annotated[dict[str, SerializeAsAny[Family]], reader(FAMILIES, "puzzles")]
