"""How the arms of an experiment are sampled, as the rules see it. Pure functions."""

import inspect
import json
import os
from pathlib import Path
from typing import Any

import tasks
from eapo_verl.method.draws import sampling_seed
from eapo_verl.settings.identity import OPERATIONAL, identity
from workflow.experiment import Experiment
from workflow.runs import expert_identity


class SamplingPlan:
    """The command lines of sampling, in two parts: what a sample depends on, and how it is come by.

    Args:
        experiment: checked.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment

    def identity(self, method: str, seed: int | str) -> list[str]:
        """Arguments of ``workflow.sampling`` that samples depend on."""
        return _joined(self.options(method, seed))

    def options(self, method: str, seed: int | str) -> list[tuple[str, str]]:
        """These arguments, each with its value.

        What is banned, the consultation tag say, the arm's kind decides. Every arm and training seed draws samples of
        its own, since noise shared between arms is not the independence that the crossed test assumes.
        """
        evaluation = self._experiment.evaluation
        arm = self._experiment.arms[method]
        # How many of the samples count is the analysis' affair.
        values = {key: value for key, value in identity(evaluation).items() if key != "k"}
        values["seed"] = sampling_seed("evaluation", evaluation.seed, method, int(seed))
        if "stop" in values:
            # Any strings, which may look like options.
            values["stop"] = json.dumps(values["stop"])
        if (temperature := arm.temperature_at_evaluation()) is not None:
            values["temperature"] = temperature
        system_prompt = arm.system_prompt_at_evaluation()
        if system_prompt is not None:
            values["system_prompt"] = system_prompt
        if arm.chat_template_kwargs:
            values["chat_template_kwargs"] = json.dumps(arm.chat_template_kwargs, sort_keys=True)
        return _options(values) + [("--ban", text) for text in arm.banned()]

    def conditions(self, method: str) -> list[str]:
        """What samples depend on beside these and the model, for the methods to which there is more: as JSON."""
        arm = self._experiment.arms[method]
        options = {option: identity(settings) for option, settings in arm.sampling().items()}
        experts = [expert_identity(self._experiment, name) for name in arm.needs().experts_at_evaluation]
        if not options and not experts:
            return []
        room = self._experiment.evaluation.max_model_len
        return [json.dumps({"options": options, "experts": experts, "max_model_len": room}, sort_keys=True)]

    def operation(self) -> list[str]:
        """The arguments that change no sample."""
        evaluation = self._experiment.evaluation
        operational = [name for name, field in type(evaluation).model_fields.items() if OPERATIONAL in field.metadata]
        return _joined(_options({name: getattr(evaluation, name) for name in operational}))


def task_code(*names: str) -> list[str]:
    """The files that say what these tasks ask."""
    classes = {one for name in names for one in type(tasks.task(name)).__mro__ if one.__module__.startswith("tasks.")}
    return sorted({os.path.relpath(Path(inspect.getfile(one)).resolve()) for one in classes})


def _options(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(f"--{key.replace('_', '-')}", str(value)) for key, value in values.items() if value is not None]


def _joined(options: list[tuple[str, str]]) -> list[str]:
    # In one word each: a text may begin with what another option begins with.
    return [f"{option}={value}" for option, value in options]
