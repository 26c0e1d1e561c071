"""Whether there is what an experiment's experts, trainings and checkpoints take, looked at before the first job."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from eapo_verl.record.checkpoints import checkpoint_bytes
from eapo_verl.settings.machine import check_room
from eapo_verl.settings.run import RunError
from workflow.experiment import Experiment
from workflow.expert_service.arguments import refused
from workflow.expert_service.placement import installed, needed, shortage
from workflow.expert_service.serving import Serving
from workflow.methods import ExperimentError
from workflow.plan import Plan

_ANSWERS_WITHIN_S = 60.0
_NODES = "trainer.nnodes"


def preflight_serving(experiment: Experiment, plan: Plan, local: bool) -> None:
    """Check that vLLM takes what it will be told, that accelerators are enough, and that a checkpoint has room.

    Args:
        experiment: the experiment.
        plan: of its jobs.
        local: whether jobs run on this machine; else on Slurm's nodes, if there is a Slurm.

    Raises:
        ExperimentError: not so; the message says which key, and what is there.
    """
    for expert, said in refused(_served(experiment)).items():
        raise ExperimentError(f"experts.{expert}.{said}")
    if experiment.resources.has_accelerators:
        _check_accelerators(experiment, installed() if local else most_of_a_node(), local)
    _check_room(experiment, plan)


def _served(experiment: Experiment) -> dict[str, Serving]:
    """How experts are served, those that some arm needs."""
    names = [name for arm in experiment.arms.values() for name in arm.needs().any_experts]
    return {one.name: one.serving for one in experiment.experts_named(names) if one.serve is not None}


def _together(experiment: Experiment) -> Iterator[dict[str, Serving]]:
    """The experts that are served together: those of an arm's runs, of its samples, and those that write solutions."""
    served = _served(experiment)
    needs = [arm.needs() for arm in experiment.arms.values()]
    asked = [names for one in needs for names in (one.experts, one.experts_at_evaluation)]
    for names in (*asked, [name for one in needs for name in one.solutions]):
        yield {name: serving for name, serving in served.items() if name in names}


def _check_accelerators(experiment: Experiment, there: int | None, local: bool) -> None:
    resources = experiment.resources
    trained = any(arm.program is not None for arm in experiment.arms.values())
    training = resources.training_gpus if trained and experiment.training.verl.get(_NODES, 1) == 1 else 0
    if local and there is not None and max(training, resources.sampling_gpus) > there:
        key = "training_gpus" if training > there else "sampling_gpus"
        raise ExperimentError(
            f"resources.{key}: {getattr(resources, key)} accelerators for a job, and this machine has {there}"
        )
    for together in _together(experiment):
        wanted, given = needed(list(together.values())), resources.experts_gpus
        if given is not None and wanted > given:
            raise ExperimentError(
                f"resources.experts_gpus: {given} accelerators, and the experts {', '.join(together)} need {wanted}: "
                "null gives them what they need"
            )
        if there is None or not together:
            continue
        where = "this machine" if local else "no node of this Slurm's has more: the largest"
        beside = max(training, resources.sampling_gpus) if local else 0
        if (said := shortage(together, there, where, beside)) is not None:
            raise ExperimentError(said)


def most_of_a_node() -> int | None:
    """The accelerators of the node of this Slurm's that has the most; None where there is no Slurm to ask."""
    try:
        done = subprocess.run(
            ["sinfo", "--noheader", "--format=%G"], capture_output=True, text=True, timeout=_ANSWERS_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return max(map(_gpus, done.stdout.splitlines()), default=0) if done.returncode == 0 else None


def _gpus(generic: str) -> int:
    """Those among a node's generic resources, in Slurm's words: ``gpu:a100:4(S:0-1),gpu:h100:4,nic:2``."""
    kinds = [one.partition("(")[0].split(":") for one in generic.split(",")]
    return sum(int(kind[-1]) for kind in kinds if kind[0] == "gpu" and kind[-1].isdigit())


def _check_room(experiment: Experiment, plan: Plan) -> None:
    """Of runs whose model is there already; a download looks for itself, and each run again."""
    missing = [cell for cell in plan.trained if not (plan.run(*cell) / "run.json").exists()]
    wanted = [checkpoint_bytes(plan.policy(*cell), experiment.arms[cell[0]]) for cell in missing]
    try:
        check_room(Path.cwd(), max(wanted, default=0), "a checkpoint")
    except RunError as error:
        raise ExperimentError(str(error)) from error
