"""Arms whose runs need other arms' runs of the same seed: which have to be made before, and to know what they cost."""

from collections.abc import Mapping, Sequence

from baselines.arm import Arm
from workflow.models import Expert


def check_runs(arms: Mapping[str, Arm], experts: Sequence[Expert]) -> None:
    """Check the runs that arms need of each other.

    Args:
        arms: of the experiment, by name.
        experts: the experiment's.

    Raises:
        ValueError: an arm needs the run of one that has none, its own run (over others), or the cost of a run that asks
            an expert of unknown size; the message names it.
    """
    trained = [name for name, arm in arms.items() if arm.program is not None]
    for name, arm in arms.items():
        for other in arm.needs().runs:
            if other not in trained:
                raise ValueError(
                    f"method {name}: it needs the run of {other!r}, which is none of the trained methods of this "
                    f"experiment ({', '.join(trained)})"
                )
    for name in arms:
        _require_no_circle(arms, (name,))
    sizes = {one.name: one.parameters for one in experts if one.serve is None}
    for name, arm in arms.items():
        needs = arm.needs()
        asked = [expert for other in needs.runs for expert in arms[other].needs().any_experts]
        unknown = [expert for expert in asked if expert in sizes and sizes[expert] is None]
        if needs.costs_of and unknown:
            raise ValueError(
                f"method {name}: its budget goes by what other runs cost: experts.{unknown[0]}.parameters is missing"
            )


def _require_no_circle(arms: Mapping[str, Arm], way: tuple[str, ...]) -> None:
    for other in arms[way[-1]].needs().runs:
        if other in way:
            raise ValueError(f"method {way[0]}: runs need each other in a circle: {' -> '.join((*way, other))}")
        _require_no_circle(arms, (*way, other))
