"""Which jobs an experiment consists of: what the rules ask, answered from the experiment. Pure functions."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from eapo_verl.method.draws import sampling_seed
from workflow.experiment import (
    UNTRAINED,
    EmbeddedModel,
    Experiment,
    LocalModel,
    PackagedModel,
    ProblemSet,
    benchmark_path,
)
from workflow.runs import run_settings
from workflow.session import training_slots


def one_of(names: Iterable[str]) -> str:
    """A regular expression that matches exactly ``names`` (nothing, if there is none)."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def code(*packages: str) -> list[str]:
    """The files of sub-packages of the analysis, as inputs of a rule: editing one runs again what the rule makes.

    Modules that only declare names (``__init__``) count, too.
    """
    return [str(path) for package in packages for path in sorted(Path("analysis", package).glob("*.py"))]


class Plan:
    """The experiment as the rules see it.

    Args:
        experiment: checked.
        name: the experiment's name.
        results: its results folder.
    """

    def __init__(self, experiment: Experiment, name: str, results: Path) -> None:
        self.experiment = experiment
        self.name = name
        self.results = results
        self.scored_methods = [UNTRAINED, *experiment.methods]
        #: (method, seed) of every training run.
        self.trained = [(method, seed) for method in experiment.methods for seed in experiment.seeds]
        #: (method, seed) of everything that is scored; what is not trained has the seed 0.
        self.cells = [(UNTRAINED, 0), *self.trained]
        sets: dict[str, Any] = {"train": experiment.train, "validation": experiment.validation}
        sets |= experiment.benchmarks
        self.embedded_sets = {name: (one.size, one.seed) for name, one in sets.items() if one.source == "embedded"}
        self.word_problem_sets = [name for name, one in sets.items() if one.source == "word_problems"]
        #: Public or local sets, with the local file where one is given.
        self.fetched_sets = {
            name: one.path if isinstance(one, ProblemSet) else benchmark_path(experiment, name)
            for name, one in sets.items()
            if one.source in ("public", "local")
        }
        self.embedded_models = [name for name, one in experiment.models.items() if isinstance(one, EmbeddedModel)]
        self.packaged_models = [name for name, one in experiment.models.items() if isinstance(one, PackagedModel)]

    def data(self, name: str) -> Path:
        """The file of a problem set."""
        return self.results / "data" / f"{name}.jsonl"

    def run(self, method: str, seed: int | str) -> Path:
        """The folder of a training run."""
        return self.results / "runs" / method / f"seed{seed}"

    def model(self, name: str) -> Path:
        """The folder of one of the experiment's models."""
        model = self.experiment.models[name]
        return model.path if isinstance(model, LocalModel) else self.results / "models" / name

    def scored_model(self, method: str, seed: int | str) -> Path:
        """The folder of the model that is scored for a method and a seed."""
        return self.model(self.experiment.policy) if method == UNTRAINED else self.run(method, seed) / "model"

    def problem_set(self, name: str) -> ProblemSet:
        """The training or the validation set."""
        return {"train": self.experiment.train, "validation": self.experiment.validation}[name]

    def served_models(self, method: str) -> list[Path]:
        """The folders of the models that have to be served to a method's runs."""
        served = self.experiment.served_experts() if self.experiment.consults(method) else []
        return [self.model(str(one.serve)) for one in served]

    def lease(self, method: str, seed: int | str) -> str:
        """What goes before the command of a run that needs served experts: a lease of them, and the wait for them."""
        if not self.served_models(method):
            return ""
        service = "python -m workflow.expert_service"
        values = {
            "services": self.results / "services",
            "endpoints": self.endpoints(method, seed),
            "log-dir": self.results / "logs" / "experts",
        }
        experts = [
            f"--expert {one.name}={self.model(str(one.serve))}:{one.max_model_len}"
            for one in self.experiment.served_experts()
        ]
        arguments = [*(f"--{key} {value}" for key, value in values.items()), *experts]
        return f"{service} lease {' '.join(arguments)} -- {service} wait -- "

    def endpoints(self, method: str, seed: int | str) -> Path:
        """The file that says where the experts of a run are."""
        return self.results / "services" / f"{method}.seed{seed}.json"

    def training_slots(self, cores: int) -> int:
        """How many trainings this machine has room for, with so many of its cores."""
        resources = self.experiment.resources
        accelerators = len(list(Path("/dev").glob("nvidia[0-9]*")))
        return training_slots(
            cores,
            resources.training_threads,
            psutil.virtual_memory().total // 2**20,
            resources.training_memory_mb,
            accelerators // resources.training_gpus if resources.training_gpus else None,
        )

    def pretrain_arguments(self, model: str) -> list[str]:
        """Arguments of ``workflow.embedded.pretrain`` for one of the embedded models."""
        spec = self.experiment.models[model]
        assert isinstance(spec, EmbeddedModel)
        options = [f"--{key.replace('_', '-')} {value}" for key, value in spec.options.items()]
        return [f"--role {spec.role}", f"--seed {spec.seed}", *options]

    def settings(self, method: str, seed: int | str) -> str:
        """The settings of a training run as one line of JSON, which is YAML."""
        policy = self.model(self.experiment.policy)
        return json.dumps(
            run_settings(self.experiment, self.name, method, int(seed), self.results, policy), sort_keys=True
        )

    def sampling_arguments(self, method: str, seed: int | str) -> list[str]:
        """Arguments of ``workflow.sampling``.

        The consultation tag is banned: evaluation is without experts. Every arm and training seed draws samples of its
        own, since noise shared between arms is not the independence that the crossed test assumes.
        """
        evaluation = self.experiment.evaluation
        values = {
            "samples": evaluation.samples,
            "temperature": evaluation.temperature,
            "top-p": evaluation.top_p,
            "max-tokens": evaluation.max_tokens,
            "max-model-len": evaluation.max_model_len,
            "seed": sampling_seed("evaluation", evaluation.seed, method, int(seed)),
            "dtype": evaluation.dtype,
            "tensor-parallel": evaluation.tensor_parallel,
        }
        tag = self.experiment.consultation.tags.consult_open
        return [*(f"--{key} {value}" for key, value in values.items()), f"--ban '{tag}'"]
