"""Whether there is what an experiment's experts, trainings and checkpoints take, looked at before the first job."""

import subprocess
from pathlib import Path

from eapo_verl.record.checkpoints import checkpoint_bytes
from eapo_verl.record.trackers import check_trackers
from eapo_verl.settings.machine import check_room
from eapo_verl.settings.run import RunError
from workflow.experiment import Experiment
from workflow.expert_service.arguments import refused
from workflow.expert_service.placement import installed, needed
from workflow.machine_size import served, served_together, too_large
from workflow.methods import ExperimentError
from workflow.plan import Plan

_ANSWERS_WITHIN_S = 60.0


def preflight_serving(experiment: Experiment, plan: Plan, local: bool) -> None:
    """Check that vLLM takes what it will be told, that accelerators are enough, and runs may begin.

    Args:
        experiment: the experiment.
        plan: of its jobs.
        local: whether jobs run on this machine; else on Slurm's nodes, if there is a Slurm.

    Raises:
        ExperimentError: not so; the message says which key, and what is there.
    """
    for expert, said in refused(served(experiment)).items():
        raise ExperimentError(f"experts.{expert}.{said}")
    if experiment.resources.has_accelerators:
        _check_accelerators(experiment, plan, installed() if local else most_of_a_node(), local)
    _check_runs(experiment, plan)


def _check_accelerators(experiment: Experiment, plan: Plan, there: int | None, local: bool) -> None:
    for together in served_together(experiment):
        wanted, given = needed(list(together.values())), experiment.resources.experts_gpus
        if given is not None and wanted > given:
            raise ExperimentError(
                f"resources.experts_gpus: {given} accelerators, and the experts {', '.join(together)} need {wanted}: "
                "null gives them what they need"
            )
    where = "this machine" if local else "no node of this Slurm's has more: the largest"
    for said in too_large(plan, there, where, beside=local) if there is not None else ():
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


def _check_runs(experiment: Experiment, plan: Plan) -> None:
    """What those to be made would say at their start; of room, where their model is there (a download looks itself)."""
    missing = [cell for cell in plan.trained if not (plan.run(*cell) / "run.json").exists()]
    wanted = [checkpoint_bytes(plan.policy(*cell), experiment.arms[cell[0]]) for cell in missing]
    try:
        if missing:
            check_trackers(experiment.training)
        check_room(Path.cwd(), max(wanted, default=0), "a checkpoint")
    except RunError as error:
        raise ExperimentError(str(error)) from error
