"""Which jobs an experiment consists of: what the rules ask, answered from the experiment. Pure functions."""

import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import psutil

from baselines.arm import Arm
from eapo_verl.method.draws import sampling_seed
from workflow.experiment import Experiment
from workflow.models import EmbeddedModel, Expert, LocalModel, PackagedModel
from workflow.problem_sets import ProblemSet, benchmark_path
from workflow.runs import config_sha256, problems_file, run_settings, solutions_file
from workflow.session import training_slots

#: When experts are asked: while an arm's run is made, or while its model is sampled.
Stage = Literal["training", "evaluation"]


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
        #: Every arm's name.
        self.arms = list(experiment.arms)
        #: Those of which there are runs.
        self.trained_arms = [name for name, arm in experiment.arms.items() if arm.program is not None]
        #: (arm, seed) of every run.
        self.trained = [(name, seed) for name in self.trained_arms for seed in experiment.seeds]
        #: (arm, seed) of everything that is scored; what has no run has the seed 0.
        self.cells = [
            (name, seed) for name in self.arms for seed in (experiment.seeds if name in self.trained_arms else (0,))
        ]
        sets: dict[str, Any] = {"train": experiment.train, "validation": experiment.validation}
        sets |= experiment.benchmarks
        self.embedded_sets = {name: (one.size, one.seed) for name, one in sets.items() if one.source == "embedded"}
        self.word_problem_sets = [name for name, one in sets.items() if one.source == "word_problems"]
        #: Public or local sets, with the local file where one is given.
        self.fetched_sets = {
            name: one.path if isinstance(one, ProblemSet) else benchmark_path(name, one, experiment.benchmark_dir)
            for name, one in sets.items()
            if one.source in ("public", "local")
        }
        self.embedded_models = [name for name, one in experiment.models.items() if isinstance(one, EmbeddedModel)]
        self.packaged_models = [name for name, one in experiment.models.items() if isinstance(one, PackagedModel)]

    def data(self, name: str) -> Path:
        """The file of a problem set."""
        return problems_file(self.results, name)

    def run(self, method: str, seed: int | str) -> Path:
        """The folder of a run."""
        return self.results / "runs" / method / f"seed{seed}"

    def model(self, name: str) -> Path:
        """The folder of one of the experiment's models."""
        model = self.experiment.models[name]
        return model.path if isinstance(model, LocalModel) else self.results / "models" / name

    def policy(self, method: str) -> Path:
        """The folder of the model that an arm starts from."""
        return self.model(self._arm(method).policy)

    def scored_model(self, method: str, seed: int | str) -> Path:
        """The folder of the model that is scored for a method and a seed."""
        return self.run(method, seed) / "model" if method in self.trained_arms else self.policy(method)

    def program(self, method: str) -> str:
        """The module that makes the runs of a method, one of which there are runs."""
        program = self._arm(method).program
        assert program is not None
        return program

    def sampler(self, method: str) -> str:
        """The module that samples benchmarks for a method."""
        return self._arm(method).sampler or "workflow.sampling"

    def run_files(self, method: str) -> list[Path]:
        """The problems and the experts' solutions that a method's runs need."""
        needs = self._arm(method).needs()
        problems = [self.data(name) for name in ("train", "validation")] if needs.problems else []
        return problems + [solutions_file(self.results, expert) for expert in needs.solutions]

    def _arm(self, method: str) -> Arm:
        return self.experiment.arms[method]

    def problem_set(self, name: str) -> ProblemSet:
        """The training or the validation set."""
        return {"train": self.experiment.train, "validation": self.experiment.validation}[name]

    def _served(self, method: str, stage: Stage) -> list[Expert]:
        needs = self._arm(method).needs()
        names = needs.experts if stage == "training" else needs.experts_at_evaluation
        return [expert for expert in self.experiment.experts_named(names) if expert.serve is not None]

    def served_models(self, method: str, stage: Stage) -> list[Path]:
        """The folders of the models that have to be served to a method."""
        return [self.model(str(one.serve)) for one in self._served(method, stage)]

    def lease(self, method: str, seed: int | str, stage: Stage) -> str:
        """What goes before a command that needs served experts: a lease of them, and the wait for them.

        Arms that ask the same experts share a service.
        """
        experts = self._served(method, stage)
        if not experts:
            return ""
        service = "python -m workflow.expert_service"
        together = "-".join(one.name for one in experts)
        values = {
            "services": self.results / "services" / together,
            "endpoints": self.endpoints(method, seed, stage),
            "log-dir": self.results / "logs" / "experts" / together,
        }
        arguments = [f"--{key} {value}" for key, value in values.items()]
        arguments += [f"--expert {one.name}={self.model(str(one.serve))}:{one.max_model_len}" for one in experts]
        return f"{service} lease {' '.join(arguments)} -- {service} wait -- "

    def endpoints(self, method: str, seed: int | str, stage: Stage) -> Path:
        """The file that says where the experts are."""
        return self.results / "services" / f"{method}.seed{seed}.{stage}.json"

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
        """The settings of a run as one line of JSON, which is YAML."""
        settings = run_settings(self.experiment, self.name, method, int(seed), self.results, self.policy(method))
        return json.dumps(settings, sort_keys=True)

    def identity(self, method: str, seed: int | str) -> str:
        """What a run is made again for when it changes, beside its input files."""
        return config_sha256(self.experiment, method, int(seed))

    def sampling_arguments(self, method: str, seed: int | str) -> list[str]:
        """Arguments of ``workflow.sampling``.

        What is banned, the consultation tag say, its kind decides. Every arm and training seed draws samples of its
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
        banned = [f"--ban {shlex.quote(text)}" for text in self._arm(method).banned()]
        return [*(f"--{key} {value}" for key, value in values.items()), *banned]
