"""Whether the parts of an experiment fit together: lengths into models, a batch into the training set, tasks to models,
trainings on accelerators.

Each would be found out by an engine that was started for it, or by nobody. Lengths are in tokens.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import tasks
from baselines.arm import Arm
from baselines.procedure import Replies
from eapo_verl.engine.network import CLUSTER_KEY
from eapo_verl.settings import placement
from eapo_verl.settings.chat_template import unread
from eapo_verl.settings.placement import Heads
from eapo_verl.settings.run import Training
from eapo_verl.settings.supervised import Supervised
from tasks.python import Python
from workflow.models import EmbeddedModel
from workflow.problem_sets import EMBEDDED_TASK, Benchmark, tasks_of
from workflow.sources.command import SourceError

if TYPE_CHECKING:
    from workflow.experiment import Experiment


def check_fits(experiment: "Experiment", problems: Mapping[str, int]) -> None:
    """Check all of it.

    Args:
        experiment: checked by itself.
        problems: how many there are in each problem set of which that is known, by its key.

    Raises:
        ValueError: names the key, its value and what is allowed.
    """
    contexts = {name: _context(experiment, name) for name in experiment.models}
    for key, value, model in _lengths(experiment):
        context = contexts[model]
        if context is not None and value > context:
            raise ValueError(f"{key}: {value} tokens are more than models.{model} reads, which are {context}")
    for name, arm in experiment.arms.items():
        _check_replies(experiment, name, arm)
        _check_teachers(experiment, name, arm)
        _check_tasks(experiment, name, arm)
        _check_nodes(experiment, name, arm)
        if arm.needs().problems and "train" in problems:
            _check_batch(experiment, name, arm, problems["train"])
    _check_stop(experiment)
    check_placement(experiment, lambda model: None)
    # Several arms have one model, whose file may be large.
    check_chat_templates(experiment, functools.cache(lambda model: _template(experiment, model)))


def check_placement(experiment: "Experiment", known: Callable[[str], Heads | None]) -> None:
    """Check how trainings and experts are spread over accelerators.

    Args:
        experiment: checked by itself.
        known: the heads of a model, by its name in ``models``; None where they are not known yet.

    Raises:
        ValueError: names the key, its value and what is in its way.
    """
    for expert in experiment.experts:
        heads = known(expert.serve) if expert.serve is not None and expert.tensor_parallel > 1 else None
        if heads is not None and (said := heads.complaint(expert.tensor_parallel)) is not None:
            raise ValueError(f"experts.{expert.name}.tensor_parallel: {said} (models.{expert.serve})")
    if experiment.resources.training_gpus:
        for name, arm in experiment.arms.items():
            _check_training(experiment, name, arm, known)


def check_chat_templates(experiment: "Experiment", known: Callable[[str], str | None]) -> None:
    """Check that whatever arms tell the chat templates of their models is read there.

    Args:
        experiment: checked by itself.
        known: the chat template of a model, by its name in ``models``; None where it is not known yet.

    Raises:
        ValueError: names the arm, what it says, and the model.
    """
    for name, arm in experiment.arms.items():
        model = _policy(experiment, arm)
        template = known(model) if arm.chat_template_kwargs else None
        if template is not None:
            for key in unread(template, arm.chat_template_kwargs):
                raise ValueError(
                    f"method {name}: chat_template_kwargs: {key!r} is nothing that the chat template of "
                    f"models.{model} reads"
                )


def longest(experiment: "Experiment", model: str) -> tuple[str, int] | None:
    """The key with the longest text that a model has to hold, and its tokens; None where nothing says so."""
    lengths = [(key, value) for key, value, one in _lengths(experiment) if one == model]
    return max(lengths, key=lambda length: length[1], default=None)


def _context(experiment: "Experiment", model: str) -> int | None:
    with _named(model):
        return experiment.models[model].context


def _template(experiment: "Experiment", model: str) -> str | None:
    with _named(model):
        return experiment.models[model].chat_template


@contextmanager
def _named(model: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, SourceError) as error:
        raise ValueError(f"models.{model}.path: {error}") from error


def _lengths(experiment: "Experiment") -> Iterator[tuple[str, int, str]]:
    """Key, tokens and model of each length that a model has to hold."""
    for expert in experiment.experts:
        if expert.serve is not None:
            yield f"experts.{expert.name}.max_model_len", expert.max_model_len, expert.serve
    for name, arm in experiment.arms.items():
        model = _policy(experiment, arm)
        yield f"method {name}: evaluation.max_model_len", experiment.evaluation.max_model_len, model
        training = getattr(arm, "training", None)
        if isinstance(training, Training):
            length = training.lengths.prompt + training.lengths.response
            yield f"method {name}: training.lengths.prompt and response together", length, model
            for teacher in arm.needs().models:
                # verl has it write a token behind a rollout.
                yield f"method {name}: training.lengths.prompt, response and one more together", length + 1, teacher


def _policy(experiment: "Experiment", arm: Arm) -> str:
    """The model that an arm's own was made from."""
    start = arm.needs().start
    return arm.policy if start is None else _policy(experiment, experiment.arms[start])


def _check_replies(experiment: "Experiment", name: str, arm: Arm) -> None:
    replies = arm.sampling().get("replies")
    tokens = replies.max_tokens if isinstance(replies, Replies) else None
    for expert in experiment.experts_named(arm.needs().experts_at_evaluation):
        if tokens is not None and expert.serve is not None and tokens >= expert.max_model_len:
            raise ValueError(
                f"method {name}: expert_max_tokens: {tokens} leave no room for a question in "
                f"experts.{expert.name}.max_model_len ({expert.max_model_len})"
            )


def _check_teachers(experiment: "Experiment", name: str, arm: Arm) -> None:
    """A teacher's probabilities of every token tell what an expert that is served from it does not show."""
    for teacher in arm.needs().models:
        serving = [expert for expert in experiment.experts if expert.serve == teacher]
        if serving and all(expert.shows is not None for expert in serving):
            raise ValueError(
                f"method {name}: teacher: models.{teacher} is served as experts.{serving[0].name}, of whose words a "
                "part alone is shown (shows), and a teacher tells of every token"
            )


def _check_tasks(experiment: "Experiment", name: str, arm: Arm) -> None:
    model = _policy(experiment, arm)
    if not isinstance(experiment.models[model], EmbeddedModel):
        return
    sets: dict[str, Benchmark] = {f"benchmarks.{key}": one for key, one in experiment.benchmarks.items()}
    if arm.needs().problems:
        sets |= {"train": experiment.train, "validation": experiment.validation}
        sets |= {} if experiment.tuning is None else {"tuning.validation": experiment.tuning.validation}
    for key, one in sets.items():
        if (asked := tasks_of(one, experiment.train)) != (EMBEDDED_TASK,):
            raise ValueError(
                f"{key}.task: {', '.join(asked)!r} is asked in words, of which models.{model}, of the embedded world, "
                f"knows none (method {name}); allowed is {EMBEDDED_TASK}"
            )


def _check_stop(experiment: "Experiment") -> None:
    """A response that ends before its box is closed states no answer; a program stands in none."""
    asked = {key: tasks_of(one, experiment.train) for key, one in experiment.benchmarks.items()}
    boxed = [key for key, names in asked.items() if not all(isinstance(tasks.task(name), Python) for name in names)]
    for text in experiment.evaluation.stop if boxed else ():
        if text in "\\boxed{}":
            raise ValueError(
                f"evaluation.stop: {text!r} would end a response within the box of its answer, \\boxed{{…}}, of which "
                f"benchmarks.{boxed[0]} are read; allowed is what is no part of it"
            )


def _check_nodes(experiment: "Experiment", name: str, arm: Arm) -> None:
    """A run on several machines forms a cluster of its own; one that joins another's says itself how large that is."""
    nodes = experiment.resources.training_nodes
    training = getattr(arm, "training", None)
    if nodes == 1 or not arm.spans_nodes or not isinstance(training, Training):
        return
    for key in ("trainer.nnodes", CLUSTER_KEY):
        if key in training.verl:
            raise ValueError(
                f"method {name}: training.verl: {key}: resources.training_nodes ({nodes}) says on how many machines a "
                "run is, which form its Ray cluster; allowed is one of the two"
            )


def _check_training(experiment: "Experiment", name: str, arm: Arm, known: Callable[[str], Heads | None]) -> None:
    training, supervised = getattr(arm, "training", None), getattr(arm, "supervised", None)
    if not isinstance(training, Training):
        return
    resources = experiment.resources
    nodes = resources.training_nodes if arm.spans_nodes else 1
    row, heads = training.lengths.prompt + training.lengths.response, known(_policy(experiment, arm))
    if isinstance(supervised, Supervised):
        keys, verl = placement.SFT, supervised.verl
        complaints = placement.sft_complaints(verl, row, heads, training.budget.mini_batch)
    else:
        keys, verl = placement.RL, training.verl
        if nodes > 1:
            verl = verl | {str(keys.nodes): nodes}
        teachers = arm.needs().models
        complaints = placement.rl_complaints(verl, row, heads, bool(teachers), *map(known, teachers[:1]))
    for complaint in complaints:
        raise ValueError(f"method {name}: {keys.where}: {complaint}")
    if (gpus := placement.accelerators(keys, verl)) > resources.training_gpus * nodes:
        raise ValueError(
            f"method {name}: {keys.where}: {gpus} accelerators train ({keys.gpus}), and resources.training_gpus are "
            f"{resources.training_gpus}" + (f" on each of {nodes} machines" if nodes > 1 else "")
        )


def _check_batch(experiment: "Experiment", name: str, arm: Arm, problems: int) -> None:
    training = getattr(arm, "training", None)
    if not isinstance(training, Training):
        return
    budget = training.budget
    if isinstance(getattr(arm, "supervised", None), Supervised):
        drawn = min(problems, budget.steps * budget.prompts_per_step)
        most = experiment.solutions.most(drawn) * len(arm.needs().solutions)
        if most < budget.mini_batch:
            raise ValueError(
                f"method {name}: a batch takes {budget.mini_batch} solutions (training.budget), and of {drawn} "
                f"problems there are {most} at most (train, solutions.problems, samples and per_problem)"
            )
    elif problems < budget.prompts_per_step:
        raise ValueError(
            f"method {name}: training.budget.prompts_per_step: {budget.prompts_per_step} are more than the {problems} "
            "problems of train"
        )
