"""Whether the parts of an experiment fit together: lengths into models, a batch into the training set, tasks to models.

Each would be found out by an engine that was started for it, or by nobody. Lengths are in tokens.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from baselines.arm import Arm
from baselines.procedure import Replies
from eapo_verl.settings.chat_template import unread
from eapo_verl.settings.run import Training
from eapo_verl.settings.supervised import Supervised
from workflow.models import EmbeddedModel, LocalModel
from workflow.problem_sets import EMBEDDED_TASK, Benchmark
from workflow.sampling.request import chat_template

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
        _check_tasks(experiment, name, arm)
        _check_chat_template(experiment, name, arm)
        if arm.needs().problems and "train" in problems:
            _check_batch(experiment, name, arm, problems["train"])


def _context(experiment: "Experiment", model: str) -> int | None:
    try:
        return experiment.models[model].context
    except ValueError as error:
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


def _check_tasks(experiment: "Experiment", name: str, arm: Arm) -> None:
    model = _policy(experiment, arm)
    if not isinstance(experiment.models[model], EmbeddedModel):
        return
    sets: dict[str, Benchmark] = {f"benchmarks.{key}": one for key, one in experiment.benchmarks.items()}
    if arm.needs().problems:
        sets |= {"train": experiment.train, "validation": experiment.validation}
        sets |= {} if experiment.tuning is None else {"tuning.validation": experiment.tuning.validation}
    for key, one in sets.items():
        if one.tasks != (EMBEDDED_TASK,):
            raise ValueError(
                f"{key}.task: {', '.join(one.tasks)!r} is asked in words, of which models.{model}, of the embedded "
                f"world, knows none (method {name}); allowed is {EMBEDDED_TASK}"
            )


def _check_chat_template(experiment: "Experiment", name: str, arm: Arm) -> None:
    model = _policy(experiment, arm)
    found = experiment.models[model]
    # Of the others the template is known when they have been made.
    if isinstance(found, LocalModel) and arm.chat_template_kwargs:
        for key in unread(chat_template(found.path), arm.chat_template_kwargs):
            raise ValueError(
                f"method {name}: chat_template_kwargs: {key!r} is nothing that the chat template of models.{model} "
                "reads"
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
