"""Which jobs an experiment consists of: what the rules ask, answered from the experiment. Pure functions."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import psutil

from baselines.arm import Arm
from eapo_verl.settings import placement
from eapo_verl.settings.identity import later
from eapo_verl.settings.run import Training
from workflow.documents import one_line_of
from workflow.experiment import Experiment
from workflow.expert_service.placement import installed
from workflow.expert_service.serving import Serving
from workflow.models import Expert
from workflow.runs import (
    config_sha256,
    model_folder,
    policy_folder,
    run_folder,
    run_problems,
    run_settings,
    solutions_file,
)
from workflow.session import training_slots
from workflow.surroundings import own_file

#: When experts are asked: while an arm's run is made, or while its model is sampled.
Stage = Literal["training", "evaluation"]


def one_of(names: Iterable[str]) -> str:
    """A regular expression that matches exactly ``names`` (nothing, if there is none)."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def code(*packages: str) -> list[str]:
    """The files of sub-packages of the analysis, as inputs of a rule: editing one runs again what the rule makes.

    Modules that only declare names (``__init__``) count, too.
    """
    folders = [Path(own_file("analysis", package)) for package in packages]
    return [str(path) for folder in folders for path in sorted(folder.glob("*.py"))]


def spanning(resource: str, *plans: "Plan") -> Callable[[Any], int | str | None]:
    """A resource of a rule for runs of any of ``plans``, which says how many machines a run is made on."""
    return lambda wildcards: next(
        plan.spanning(wildcards.method, resource) for plan in plans if wildcards.method in plan.arms
    )


def _said(serving: Serving) -> str:
    """What an experiment says of how a model is served, JSON; the longest context has a place of its own."""
    said = serving.model_dump(mode="json", exclude={"max_model_len"}, exclude_defaults=True)
    return json.dumps(said) if said else ""


class Plan:
    """The experiment as the rules see it.

    Args:
        experiment: checked.
        name: the experiment's name.
        results: its results folder.
        own: the folder of its runs and validation problems, where that is another one; None: ``results``.
    """

    def __init__(self, experiment: Experiment, name: str, results: Path, own: Path | None = None) -> None:
        self.experiment = experiment
        self.name = name
        self.results = results
        self.own = own or results
        #: Every arm's name.
        self.arms = list(experiment.arms)
        #: Those of which there are runs.
        self.trained_arms = [name for name, arm in experiment.arms.items() if arm.program is not None]
        #: (arm, seed) of every run.
        self.trained = [(name, seed) for name in self.trained_arms for seed in experiment.seeds]
        #: (arm, seed) of everything that is scored; what no run has anything to do with has the seed 0.
        self.cells = [
            (name, seed) for name in experiment.arms for seed in (experiment.seeds if self.has_seeds(name) else (0,))
        ]

    def has_seeds(self, method: str) -> bool:
        """Whether a method is scored once for each training seed: it has runs, or scores another one's models."""
        arm = self._arm(method)
        return arm.program is not None or arm.needs().start is not None

    def run(self, method: str, seed: int | str) -> Path:
        """The folder of a run."""
        return run_folder(self.own, method, int(seed))

    def model(self, name: str) -> Path:
        """The folder of one of the experiment's models."""
        return model_folder(self.experiment, self.results, name)

    def policy(self, method: str, seed: int | str) -> Path:
        """The folder of the model that an arm starts from."""
        return policy_folder(self.experiment, self.results, method, int(seed), self.own)

    def scored_model(self, method: str, seed: int | str) -> Path:
        """The folder of the model that is scored for a method and a seed."""
        return self.run(method, seed) / "model" if method in self.trained_arms else self.policy(method, seed)

    def program(self, method: str) -> str:
        """The module that makes the runs of a method, one of which there are runs."""
        program = self._arm(method).program
        assert program is not None
        return program

    def nodes(self, method: str) -> int:
        """How many machines a run of a method is made on."""
        return self.experiment.resources.training_nodes if self._arm(method).spans_nodes else 1

    def nodes_option(self, method: str) -> list[str]:
        """The words that tell a method's program so; none, if it is one."""
        return ["--nodes", str(self.nodes(method))] if self.nodes(method) > 1 else []

    def spanning(self, method: str, resource: str) -> int | str | None:
        """A resource of a run in the words of Snakemake's plugin for Slurm; None: it is not asked for.

        One machine is asked for as such: Slurm would gather accelerators from several, of which a run sees one's. A job
        on several is one that has tasks on each, and starts them itself ("mpi"): by itself the plugin would confine it
        to one. Its accelerators are asked for by the machine, and no task is bound to one.
        """
        resources, nodes = self.experiment.resources, self.nodes(method)
        gpus = self.training_gpus(method)
        if nodes == 1:
            return {"gpu": gpus, "nodes": 1}.get(resource)
        asked: dict[str, int | str | None] = {
            "nodes": nodes,
            "tasks": nodes,
            "mpi": "srun",
            "cpus_per_task": resources.training_threads,
            "gres": f"gpu:{gpus}" if gpus else None,
            "tasks_per_gpu": -1 if gpus else None,
        }
        return asked.get(resource)

    def sampler(self, method: str) -> str:
        """The module that samples benchmarks for a method."""
        return self._arm(method).sampler or "workflow.sampling"

    def sampler_options(self, method: str) -> list[str]:
        """What a method's sampler alone is told: the arm's own options, and whom it asks; JSON."""
        arm = self._arm(method)
        options: dict[str, Any] = {
            option: settings.model_dump(mode="json") for option, settings in arm.sampling().items()
        }
        experts = self.experiment.experts_named(arm.needs().experts_at_evaluation)
        if experts:
            options["experts"] = [one.settings() | self._service(one) for one in experts]
        if samples := self._samples_read(method):
            options["samples-of"] = {other: list(map(str, files)) for other, files in samples.items()}
        return [part for option, value in options.items() for part in (f"--{option}", json.dumps(value))]

    def samples_read(self, method: str) -> list[Path]:
        """The files that say what the other arms' samples have cost that a method's samples go by."""
        return [path for files in self._samples_read(method).values() for path in files]

    def _samples_read(self, method: str) -> dict[str, list[Path]]:
        folder = self.results / "samples"
        return {
            other: [
                folder / name / f"seed{seed}" / f"{benchmark}.provenance.json"
                for name, seed in self.cells
                if name == other
                for benchmark in self.experiment.benchmarks
            ]
            for other in self._arm(method).needs().samples
        }

    def _service(self, expert: Expert) -> dict[str, Any]:
        """What is served, and how, where an expert is."""
        if expert.serve is None:
            return {}
        changed = later(expert, "quantization") | later(expert, "vllm")
        return {"folder": str(self.model(expert.serve)), "max_model_len": expert.max_model_len, **changed}

    def run_files(self, method: str, seed: int | str) -> list[Path]:
        """The problems, models beside the policy, experts' solutions and other runs' ``run.json`` that a run needs."""
        needs = self._arm(method).needs()
        problems = [*run_problems(self.results, self.own).values()] if needs.problems else []
        models = [self.model(name) for name in needs.models]
        runs = [self.run(other, seed) / "run.json" for other in needs.runs]
        return [*problems, *models, *(solutions_file(self.results, expert) for expert in needs.solutions), *runs]

    def _arm(self, method: str) -> Arm:
        return self.experiment.arms[method]

    def _served(self, method: str, stage: Stage) -> list[Expert]:
        needs = self._arm(method).needs()
        names = needs.experts if stage == "training" else needs.experts_at_evaluation
        return [expert for expert in self.experiment.experts_named(names) if expert.serve is not None]

    def served_models(self, method: str, stage: Stage) -> list[Path]:
        """The folders of the models that have to be served to a method."""
        return [self.model(str(one.serve)) for one in self._served(method, stage)]

    def lease(self, method: str, seed: int | str, stage: Stage) -> list[str]:
        """What goes before a command, if it needs it: a lease of served experts, the wait for them, accelerators.

        Arms that ask the same experts share a service.
        """
        gpus = self.experiment.resources.sampling_gpus if stage == "evaluation" else self.training_gpus(method)
        own = ["python", "-m", "workflow.devices", str(gpus), "--"] if gpus else []
        return self.lease_of(self._served(method, stage), self.endpoints(method, seed, stage)) + own

    def lease_of(self, experts: list[Expert], endpoints: Path) -> list[str]:
        """A lease of these served experts; ``endpoints`` will say where they are. Nothing, if there are none."""
        if not experts:
            return []
        service = ["python", "-m", "workflow.expert_service"]
        together = "-".join(one.name for one in experts)
        values = [
            ("--services", self.results / "services" / together),
            ("--endpoints", endpoints),
            ("--log-dir", self.results / "logs" / "experts" / together),
            *(("--expert", f"{one.name}={self.model(str(one.serve))}:{one.max_model_len}") for one in experts),
            *(("--serving", f"{one.name}={said}") for one in experts if (said := _said(one.serving))),
        ]
        arguments = [str(word) for option in values for word in option]
        return [*service, "lease", *arguments, "--", *service, "wait", "--"]

    def endpoints(self, method: str, seed: int | str, stage: Stage) -> Path:
        """The file that says where the experts are."""
        return self.results / "services" / f"{method}.seed{seed}.{stage}.json"

    def training_gpus(self, method: str) -> int:
        """The accelerators of a run on each machine: the experiment's number, beside which a teacher has its own.

        On several machines the teacher's have to be among them.
        """
        gpus, arm = self.experiment.resources.training_gpus, self._arm(method)
        training = getattr(arm, "training", None)
        if gpus and self.nodes(method) == 1 and isinstance(training, Training) and arm.needs().models:
            gpus += placement.teacher_accelerators(training.verl)
        return gpus

    def training_slots(self, cores: int) -> int:
        """How many trainings this machine has room for, with so many of its cores."""
        resources = self.experiment.resources
        return training_slots(
            cores,
            resources.training_threads,
            psutil.virtual_memory().total // 2**20,
            resources.training_memory_mb,
            installed() // resources.training_gpus if resources.training_gpus else None,
        )

    def settings(self, method: str, seed: int | str) -> str:
        """The settings of a run as YAML."""
        settings = run_settings(self.experiment, self.name, method, int(seed), self.results, self.own)
        return one_line_of(settings)

    def arms_described(self) -> str:
        """What the analysis is told of every arm (:mod:`analysis.intake.arms`), as JSON."""
        keys = {"title", "inline", "look", "spends"}
        methods = {name: self.experiment.method(name) for name in self.arms}
        return json.dumps({name: one.model_dump(mode="json", include=keys) for name, one in methods.items()})

    def settings_file(self, method: str, seed: int | str) -> Path:
        """Where a run finds its settings."""
        return self.results / "settings" / f"{method}.seed{seed}.yaml"

    def identity(self, method: str, seed: int | str) -> str:
        """What a run is made again for when it changes, beside its input files."""
        return config_sha256(self.experiment, method, int(seed))
