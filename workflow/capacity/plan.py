"""The plan of an experiment: what each role takes, what each arm does, how long that takes, and what is assumed."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, model_validator

from eapo_verl.record.checkpoints import FULL_BYTES
from eapo_verl.record.costs import FORWARD, TRAINED, Costs
from eapo_verl.settings import placement
from eapo_verl.settings.base import Settings
from eapo_verl.settings.run import Training
from workflow.capacity import memory
from workflow.capacity.shapes import Shape, shape_of
from workflow.capacity.tokens import Assumed, TokenModel
from workflow.command import BadInput
from workflow.experiment import Experiment
from workflow.models import Expert
from workflow.runs import model_folder

_ROLLOUT = "actor_rollout_ref.rollout"
#: Bytes a parameter on the disk of a trained model, in bfloat16.
_MODEL = 2


class Range(NamedTuple):
    """From the favourable to the unfavourable end."""

    low: float
    high: float


class Machine(Settings):
    """What a plan is made for. All of it can be said otherwise.

    Attributes:
        gpu_memory: of one accelerator, GB (an H100: 80).
        gpus: of all roles together; 0: the fewest that they fit on.
        training: TFLOP/s of one in training, at worst and at best (a quarter to nearly a half of an H100's 989).
        generation: of one in an engine, 10^12 parameters times tokens a second, at worst and at best. Published are, of
            Qwen3-14B and 32B on one H100 in vLLM, tokens read and written: 5,800 to 10,600 and 2,100 to 4,000 a second.
        price: of an hour of one accelerator; None: no bill.
    """

    gpu_memory: float = Field(80.0, gt=0)
    gpus: int = Field(0, ge=0)
    training: tuple[float, float] = (250.0, 450.0)
    generation: tuple[float, float] = (65.0, 150.0)
    price: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _ranges(self) -> "Machine":
        for key in ("training", "generation"):
            low, high = getattr(self, key)
            if not 0 < low <= high:
                raise ValueError(f"{key}: {low:g} to {high:g} is no range of rates above 0, the lower one first")
        return self


class Role(NamedTuple):
    """A model's part: what it is, and the smallest placement of it; None where none fits."""

    model: str
    shape: Shape
    what: str
    length: int
    placed: memory.Training | memory.Engine | None
    #: Whether it has accelerators of its own, and how many of the placement there are.
    apart: bool = False
    copies: int = 1


class ArmPlan(NamedTuple):
    """All runs of an arm: the costs of one, and the hours of accelerators that they take together."""

    method: str
    runs: int
    costs: Costs
    training: Range
    generation: Range


class CapacityPlan(NamedTuple):
    """What there is to print; hours are of one accelerator, sizes in GB, evaluation's tokens the policy's."""

    machine: Machine
    assumed: Assumed
    roles: list[Role]
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
        BadInput: a model's size cannot be had, or there are fewer accelerators than the roles need.
    """
    names = dict.fromkeys(model for _, model in experiment.models_used())
    shapes = {name: shape_of(name, experiment.models[name], model_folder(experiment, results, name)) for name in names}
    sizes = {name: shape.parameters for name, shape in shapes.items()}
    sizes |= {one.name: one.parameters or 0 for one in experiment.experts if one.serve is None}
    tokens = TokenModel(experiment, assumed, sizes)
    trained = [name for name, arm in experiment.arms.items() if arm.program is not None]
    arms = [_arm(method, len(experiment.seeds), tokens.own(method), machine) for method in trained]
    roles = _roles(experiment, shapes, machine)
    needed = _needed(roles)
    if 0 < machine.gpus < needed:
        raise BadInput(f"--gpus {machine.gpus}: the roles need {needed} at least; without --gpus they are listed")
    answers = sum(questions.values()) * experiment.evaluation.samples
    cells = sum(
        len(experiment.seeds) if arm.program is not None or arm.needs().start is not None else 1
        for arm in experiment.arms.values()
    )
    written = answers * cells * assumed.response
    work = written * sizes[experiment.policy] / 1e12
    policy = sizes[experiment.policy] / 1e9  # in GB for each byte of a parameter
    runs = len(trained) * len(experiment.seeds)
    return CapacityPlan(
        machine=machine,
        assumed=assumed,
        roles=roles,
        arms=arms,
        evaluation_tokens=written,
        evaluation=_hours(work, machine.generation),
        gpus=machine.gpus or needed,
        disk={
            "models": sum(_MODEL * size for size in sizes.values()) / 1e9,
            "trained models": runs * _MODEL * policy,
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


def _needed(roles: list[Role]) -> int:
    """The policies train one after the other, each beside its engine; every expert is apart."""
    training = [one.placed.gpus for one in roles if isinstance(one.placed, memory.Training)]
    experts = [one.copies * one.placed.parallel for one in roles if isinstance(one.placed, memory.Engine) and one.apart]
    return max(training, default=0) + sum(experts)


def _hours(work: float, rates: tuple[float, float]) -> Range:
    return Range(work / rates[1] / 3600, work / rates[0] / 3600)


def _roles(experiment: Experiment, shapes: Mapping[str, Shape], machine: Machine) -> list[Role]:
    roles = []
    training: Training = experiment.training
    lengths = training.lengths.prompt + training.lengths.response
    ulysses = placement.sharing_a_row(placement.RL, training.verl)
    micro = ulysses * placement.micro_batch_tokens(placement.RL, training.verl, lengths)
    share = float(training.verl.get(f"{_ROLLOUT}.gpu_memory_utilization", 0.5))
    asked = experiment.resources.training_gpus * experiment.resources.training_nodes
    for model in dict.fromkeys(arm.policy for arm in experiment.arms.values() if arm.program is not None):
        placed = memory.smallest_training(shapes[model], machine.gpu_memory, micro, ulysses, max(1, asked))
        roles.append(Role(model, shapes[model], "trains", micro, placed))
        beside = memory.smallest_engine(shapes[model], machine.gpu_memory, share, lengths, 1)
        roles.append(Role(model, shapes[model], "rolls out", lengths, beside))
    for expert in experiment.experts:
        if expert.serve is not None:
            roles.append(_expert(expert, shapes[expert.serve], machine))
    return roles


def _expert(expert: Expert, shape: Shape, machine: Machine) -> Role:
    """As the experiment places it; the smallest that holds eight of the longest sequences where it says no size."""
    length, share = expert.max_model_len, expert.gpu_memory_utilization or 0.9
    sizes = expert.tensor_parallel * expert.pipeline_parallel
    placed: memory.Engine | None
    if sizes == 1:
        placed = memory.smallest_engine(shape, machine.gpu_memory, share, length, 8)
    else:
        stated = memory.engine(shape, sizes, machine.gpu_memory, share, length)
        placed = stated if stated.sequences else None
    copies = expert.replicas * expert.data_parallel
    what = f"answers as {expert.name}" + (f", {copies} times" if copies > 1 else "")
    return Role(str(expert.serve), shape, what, length, placed, apart=True, copies=copies)
