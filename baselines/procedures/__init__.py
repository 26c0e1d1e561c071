"""Procedures, a module each: how a sample comes about that takes several turns of the policy."""

from typing import Annotated, get_args

from pydantic import Field

from baselines.procedures.consulting import Consulting
from baselines.procedures.expert_workflow import ExpertWorkflow
from baselines.procedures.leap import Leap
from baselines.procedures.self_consistency import SelfConsistency

#: Any of them, told apart by its name.
AnyProcedure = Annotated[Consulting | ExpertWorkflow | Leap | SelfConsistency, Field(discriminator="name")]


def names() -> tuple[str, ...]:
    """The names of all procedures."""
    return tuple(get_args(one.model_fields["name"].annotation)[0] for one in get_args(get_args(AnyProcedure)[0]))
