"""The parts that models have in an experiment, what each takes of accelerators' memory, and whether that is there.

Where an experiment is for accelerators, engines are spread over as many as it says, and a policy trains on as many as
it says, or on as many more as it needs. Where it is for CPUs, each part has the smallest placement that fits.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from eapo_verl.settings import placement
from workflow.capacity import memory
from workflow.capacity.machine import Machine
from workflow.capacity.shapes import Shape
from workflow.experiment import Experiment

#: Of the longest sequences, what the smallest engine holds of a policy's, and of an expert's, who answers many.
_ROLLOUTS, _ANSWERS = 1, 8


class Role(NamedTuple):
    """A model's part: what it is, and its placement.

    Attributes:
        model: its name in the experiment.
        shape: and size.
        what: it does, for people.
        length: of a micro-batch, or of the longest sequence, in tokens.
        placed: None where it does not fit on the most accelerators that were ``tried``.
        given: accelerators that the experiment has for a training; 0: it does not say.
        apart: whether it has accelerators of its own, and ``copies``, how many of the placement there are.
    """

    model: str
    shape: Shape
    what: str
    length: int
    placed: memory.Training | memory.Engine | None
    tried: int
    given: int = 0
    apart: bool = False
    copies: int = 1


def roles(experiment: Experiment, shapes: Mapping[str, Shape], machine: Machine) -> list[Role]:
    """Every part: policies train and roll out, a teacher scores, experts that are served answer."""
    resources, verl = experiment.resources, experiment.training.verl
    given = resources.training_gpus * resources.training_nodes
    row = experiment.training.lengths.prompt + experiment.training.lengths.response
    shared = placement.sharing_a_row(placement.RL, verl)
    tokens = shared * placement.micro_batch_tokens(placement.RL, verl, row)

    def engine(
        model: str, what: str, length: int, share: float, parts: int, least: int, quantization: str | None = None
    ) -> Role:
        of = shapes[model], machine.gpu_memory, share, length
        if resources.has_accelerators:
            stated = memory.engine(*of, parts, quantization)
            return Role(model, shapes[model], what, length, stated if stated.sequences else None, parts)
        smallest = memory.smallest_engine(*of, least, machine.node, quantization)
        return Role(model, shapes[model], what, length, smallest, machine.node)

    def of_training(role: str) -> tuple[float, int]:
        return placement.engine_share(role, verl), placement.engine_parts(role, verl)

    found = []
    for model in dict.fromkeys(arm.policy for arm in experiment.arms.values() if arm.program is not None):
        trained = memory.smallest_training(shapes[model], machine.gpu_memory, tokens, shared, max(1, given))
        found.append(Role(model, shapes[model], "trains", tokens, trained, memory.MOST, given))
        found.append(engine(model, "rolls out", row, *of_training(placement.ROLLOUT), _ROLLOUTS))
    for model in dict.fromkeys(model for arm in experiment.arms.values() for model in arm.needs().models):
        copies = placement.teacher_accelerators(verl) // placement.engine_parts(placement.TEACHER, verl)
        # verl has it write a token behind a rollout.
        teacher = engine(model, f"teaches{_times(copies)}", row + 1, *of_training(placement.TEACHER), _ROLLOUTS)
        found.append(teacher._replace(apart=True, copies=copies))
    for one in experiment.experts:
        if one.serve is not None:
            copies, parts = one.replicas * one.data_parallel, one.tensor_parallel * one.pipeline_parallel
            what, share = f"answers as {one.name}{_times(copies)}", one.gpu_memory_utilization or 0.9
            expert = engine(one.serve, what, one.max_model_len, share, parts, _ANSWERS, one.quantization)
            found.append(expert._replace(apart=True, copies=copies))
    return found


def needed(parts: Sequence[Role]) -> int:
    """Accelerators of all of them: policies train one after the other, each beside its engine; the others are apart."""
    training = [one.placed.gpus for one in parts if isinstance(one.placed, memory.Training)]
    engines = [one.copies * one.placed.parallel for one in parts if isinstance(one.placed, memory.Engine) and one.apart]
    return max(training, default=0) + sum(engines)


def misfits(parts: Sequence[Role], gpu_memory: float) -> Iterator[str]:
    """What does not fit into accelerators of so many GB, or trains on more of them than the experiment gives it."""
    for one in parts:
        does = f"{one.model}, which {one.what},"
        if one.placed is None:
            yield f"{does} does not fit on {one.tried} accelerators of {gpu_memory:g} GB"
        elif isinstance(one.placed, memory.Training) and 0 < one.given < one.placed.gpus:
            there = f"resources.training_gpus are {one.given}"
            yield f"{does} needs {one.placed.gpus} accelerators of {gpu_memory:g} GB, and {there}"


def _times(copies: int) -> str:
    return f", {copies} times" if copies > 1 else ""
