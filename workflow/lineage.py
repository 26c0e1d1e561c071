"""Arms that need other arms' runs of the same seed, or their samples: what has to be there, and to know its cost."""

from collections.abc import Mapping, Sequence

from baselines.arm import Arm
from workflow.models import Expert


def check_runs(arms: Mapping[str, Arm], experts: Sequence[Expert]) -> None:
    """Check the runs and samples that arms need of each other.

    Args:
        arms: of the experiment, by name.
        experts: the experiment's.

    Raises:
        ValueError: an arm needs the run of one that has none, samples of one that is not there or that do not say what
            it asks, its own run or samples (over others), or the cost of one that asks an expert of unknown size; the
            message names it.
    """
    trained = [name for name, arm in arms.items() if arm.program is not None]
    for name, arm in arms.items():
        for other in arm.needs().runs:
            if other not in trained:
                raise ValueError(
                    f"method {name}: it needs the run of {other!r}, which is none of the trained methods of this "
                    f"experiment ({', '.join(trained)})"
                )
        _require_samples(arms, name)
    for name in arms:
        _require_no_circle(arms, (name,))
    sizes = {one.name: one.parameters for one in experts if one.serve is None}
    for name, arm in arms.items():
        needs = arm.needs()
        asked = [expert for other in needs.runs for expert in arms[other].needs().any_experts if needs.costs_of]
        asked += [expert for other in needs.samples for expert in arms[other].needs().experts_at_evaluation]
        unknown = [expert for expert in asked if expert in sizes and sizes[expert] is None]
        if unknown:
            raise ValueError(
                f"method {name}: its budget goes by what others cost: experts.{unknown[0]}.parameters is missing"
            )


def _require_samples(arms: Mapping[str, Arm], name: str) -> None:
    arm = arms[name]
    needs = arm.needs()
    for other in needs.samples:
        if other not in arms:
            raise ValueError(
                f"method {name}: it goes by the samples of {other!r}, which is none of the arms of this experiment "
                f"({', '.join(arms)})"
            )
    if needs.responses_of is not None:
        like = arms[needs.responses_of]
        several = like.sampler is not None or "procedure" in like.sampling()
        trained = like.program is not None or like.needs().start is not None
        if several or trained or like.policy != arm.policy:
            raise ValueError(
                f"method {name}: the samples of {needs.responses_of!r} have to be single responses of {arm.policy}, "
                "the arm's own policy, untrained"
            )


def _require_no_circle(arms: Mapping[str, Arm], way: tuple[str, ...]) -> None:
    needs = arms[way[-1]].needs()
    for other in (*needs.runs, *needs.samples):
        if other in way:
            raise ValueError(f"method {way[0]}: arms need each other in a circle: {' -> '.join((*way, other))}")
        _require_no_circle(arms, (*way, other))
