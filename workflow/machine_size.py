"""Whether each job of an experiment finds its accelerators on one machine."""

from collections.abc import Iterator

from eapo_verl.settings.run import Training
from workflow.experiment import Experiment
from workflow.expert_service.placement import needed, shortage
from workflow.expert_service.serving import Serving
from workflow.plan import Plan

_NODES = "trainer.nnodes"


def too_large(plan: Plan, there: int, where: str, beside: bool) -> Iterator[str]:
    """Each job that a machine is too small for, in one line.

    Args:
        plan: of an experiment for accelerators.
        there: how many the machine has.
        where: which machine, for people.
        beside: whether experts have to find theirs on the same one, beside whoever asks them.
    """
    resources = plan.experiment.resources
    # Of each arm, or of none where a run joins a cluster of machines that nobody here knows.
    runs = {method: plan.training_gpus(method) for method in plan.trained_arms if not _elsewhere(plan, method)}
    ending = f"and {where} has {there}"
    for number in sorted({*runs.values()}):
        if number > there:
            method = next(name for name, own in runs.items() if own == number)
            teacher = number - resources.training_gpus
            whose = f" ({resources.training_gpus} that train, {teacher} of its teacher)" if teacher else ""
            yield f"resources.training_gpus: a run of {method} takes {number} accelerators{whose}, {ending}"
    if resources.sampling_gpus > there:
        yield f"resources.sampling_gpus: sampling takes {resources.sampling_gpus} accelerators, {ending}"
    others = max(resources.training_gpus if runs else 0, resources.sampling_gpus) if beside else 0
    said = (shortage(one, there, where, others) for one in served_together(plan.experiment) if one)
    yield from dict.fromkeys(line for line in said if line is not None)


def at_once(plan: Plan, there: int) -> int:
    """How many of a machine's accelerators its jobs may have together: what experts leave, or the largest job takes."""
    jobs = [plan.experiment.resources.sampling_gpus, *map(plan.training_gpus, plan.trained_arms)]
    experts = [needed(list(one.values())) for one in served_together(plan.experiment)]
    return max(*jobs, there - max(experts, default=0))


def served(experiment: Experiment) -> dict[str, Serving]:
    """How experts are served, those that some arm needs."""
    names = [name for arm in experiment.arms.values() for name in arm.needs().any_experts]
    return {one.name: one.serving for one in experiment.experts_named(names) if one.serve is not None}


def served_together(experiment: Experiment) -> Iterator[dict[str, Serving]]:
    """The experts of each service: those of an arm's runs, of its samples, and those that write solutions."""
    every = served(experiment)
    needs = [arm.needs() for arm in experiment.arms.values()]
    asked = [names for one in needs for names in (one.experts, one.experts_at_evaluation)]
    for names in (*asked, [name for one in needs for name in one.solutions]):
        yield {name: serving for name, serving in every.items() if name in names}


def _elsewhere(plan: Plan, method: str) -> bool:
    """Whether a run joins a cluster that is there already, whose machines nobody here knows."""
    training = getattr(plan.experiment.arms[method], "training", None)
    return isinstance(training, Training) and training.verl.get(_NODES, 1) != 1
