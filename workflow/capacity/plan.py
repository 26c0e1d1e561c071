"""The plan of an experiment: what each role takes, what each arm does, how long that takes, and what is assumed."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from eapo_verl.record.checkpoints import FULL_BYTES
from eapo_verl.record.costs import FORWARD, TRAINED, Costs
from eapo_verl.settings.placement import Heads
from workflow.capacity.machine import Machine
from workflow.capacity.roles import Role, misfits, needed, roles
from workflow.capacity.shapes import shape_of
from workflow.capacity.tokens import Assumed, TokenModel
from workflow.command import BadInput
from workflow.experiment import Experiment
from workflow.fits import check_placement
from workflow.machine_size import too_large
from workflow.plan import Plan
from workflow.runs import model_folder

#: Bytes a parameter on the disk of a trained model, in bfloat16.
_MODEL = 2


class Range(NamedTuple):
    """From the favourable to the unfavourable end."""

    low: float
    high: float


class ArmPlan(NamedTuple):
    """All runs of an arm: the costs of one, and the hours of accelerators that they take together."""

    method: str
    runs: int
    costs: Costs
    training: Range
    generation: Range


class CapacityPlan(NamedTuple):
    """What there is to print; hours are of one accelerator, sizes in GB, evaluation's tokens the scored models'.

    ``misfits`` say what is in the way of running the experiment on these machines; none where nothing is.
    """

    machine: Machine
    assumed: Assumed
    roles: list[Role]
    misfits: list[str]
    arms: list[ArmPlan]
    evaluation_tokens: float
    evaluation: Range
    gpus: int
    disk: dict[str, float]

    @property
    def gpu_hours(self) -> Range:
        """Of everything."""
        parts = [self.evaluation, *(one for arm in self.arms for one in (arm.training, arm.generation))]
        return Range(sum(one.low for one in parts), sum(one.high for one in parts))


def assumed_for(experiment: Experiment) -> Assumed:
    """What is assumed where nothing is said: shares of the experiment's limits (our choice)."""
    lengths = experiment.training.lengths
    written = 0.4 * max((expert.max_tokens for expert in experiment.experts), default=1)
    return Assumed(
        prompt=min(lengths.prompt / 2, 256),
        # Thinking models stop before their limit, most of the time.
        response=0.4 * lengths.response,
        query=min(lengths.prompt / 2, 128),
        # Three characters a token, or somewhat more, of mathematics.
        reply=min(written, experiment.consultation.reply_max_characters / 3),
        written=written,
        refusal=10.0,
        solution=0.4 * experiment.solutions.max_tokens,
        queries=1.0,
        early=1.0,
        internalized=0.3,
        # DAPO's recipe: about half of the groups at its end show no contrast.
        discarded=1.0,
    )


def plan_of(
    experiment: Experiment, results: Path, machine: Machine, assumed: Assumed, questions: Mapping[str, int]
) -> CapacityPlan:
    """The plan; ``results`` is the experiment's folder, ``questions`` how many there are of each benchmark.

    Raises:
        BadInput: a model's size cannot be had, it does not go into as many parts as the experiment spreads it over, or
            there are fewer accelerators than the roles need.
    """
    names = dict.fromkeys(model for _, model in experiment.models_used())
    shapes = {name: shape_of(name, experiment.models[name], model_folder(experiment, results, name)) for name in names}
    try:
        check_placement(experiment, lambda name: Heads(shapes[name].heads, shapes[name].kv_heads))
    except ValueError as error:
        raise BadInput(str(error)) from error
    sizes = {name: shape.parameters for name, shape in shapes.items()}
    sizes |= {one.name: one.parameters or 0 for one in experiment.experts if one.serve is None}
    tokens = TokenModel(experiment, assumed, sizes)
    runs = Plan(experiment, results.name, results)
    arms = [_arm(method, len(experiment.seeds), tokens.own(method), machine) for method in runs.trained_arms]
    parts = roles(experiment, shapes, machine)
    in_the_way = [*misfits(parts, machine.gpu_memory)]
    if experiment.resources.has_accelerators:
        in_the_way += too_large(runs, machine.node, "a node (--node)", beside=False)
    least = needed(parts)
    if 0 < machine.gpus < least:
        raise BadInput(f"--gpus {machine.gpus}: the roles need {least} at least; without --gpus they are listed")
    answers = sum(questions.values()) * experiment.evaluation.samples
    scored = [sizes[experiment.arms[method].policy] for method, _ in runs.cells]
    written = answers * len(scored) * assumed.response
    work = answers * sum(scored) * assumed.response / 1e12
    policy = sizes[experiment.policy] / 1e9  # in GB for each byte of a parameter
    return CapacityPlan(
        machine=machine,
        assumed=assumed,
        roles=parts,
        misfits=in_the_way,
        arms=arms,
        evaluation_tokens=written,
        evaluation=_hours(work, machine.generation),
        gpus=machine.gpus or least,
        disk={
            "models": sum(_MODEL * size for size in sizes.values()) / 1e9,
            "trained models": len(runs.trained) * _MODEL * policy,
            "checkpoints of one run": 2 * FULL_BYTES * policy,
        },
    )


def _arm(method: str, runs: int, costs: Costs, machine: Machine) -> ArmPlan:
    policy = costs.policy_parameters or 0
    trained = costs.policy_tokens_trained + costs.policy_prompt_tokens_trained
    flops = policy * (TRAINED * trained + FORWARD * costs.policy_tokens_scored) / 1e12
    # An engine's rate is of parameters times tokens, read or written.
    engine = policy * (costs.policy_tokens_sampled + costs.policy_prompt_tokens) / 1e12
    experts = (costs.expert_flops or 0.0) / FORWARD / 1e12
    return ArmPlan(
        method,
        runs,
        costs,
        _hours(runs * flops, machine.training),
        _hours(runs * (engine + experts), machine.generation),
    )


def _hours(work: float, rates: tuple[float, float]) -> Range:
    return Range(work / rates[1] / 3600, work / rates[0] / 3600)
