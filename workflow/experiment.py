"""An experiment: one YAML file, typed and checked in full before any work starts.

Every key is documented in ``config/default.yaml``. :func:`load_experiment` turns what Snakemake read into an
:class:`Experiment` or raises :class:`ExperimentError`, whose text is one line: file, key, value, what is allowed.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from analysis.statistics.smallest_effect import LEAST, MOST, SMALLEST_EFFECT
from baselines.arm import Arm
from eapo_verl.experts.api_keys import read_headers
from eapo_verl.settings.base import Endpoint, Name, Seed, Settings, Words
from eapo_verl.settings.chat_template import ChatTemplateKwargs
from eapo_verl.settings.errors import one_line
from eapo_verl.settings.identity import LATER
from eapo_verl.settings.method import Consultation, Internalization, Reward
from eapo_verl.settings.run import Training
from eapo_verl.settings.supervised import Supervised
from workflow.documents import check_plain, read_document
from workflow.evaluation import Evaluation
from workflow.experiment_files import count_problems
from workflow.fairness import undeclared
from workflow.fits import check_fits
from workflow.lineage import check_runs
from workflow.methods import ExperimentError, Method, Variant, methods
from workflow.models import Expert, Model
from workflow.problem_sets import Benchmark, ProblemSet, check_benchmarks, check_held_out
from workflow.resources import Resources
from workflow.sensitivity import Setting, settings_of
from workflow.solutions.settings import Solutions
from workflow.sources.overlap import Overlap
from workflow.tuning.rule import read_rule
from workflow.tuning.settings import Tuning

#: Characters of the names of all experts: those that serve an arm together share a folder, whose name holds theirs.
_LONGEST_TOGETHER = 200


class Experiment(Settings):
    """The whole file."""

    methods: tuple[Name, ...] = Field(min_length=1)
    references: tuple[Name, ...] = ("base",)
    seeds: tuple[Seed, ...] = Field(min_length=1)
    comparisons: tuple[tuple[Name, Name], ...] = Field(min_length=1)
    smallest_effect: Annotated[float, LATER] = Field(SMALLEST_EFFECT, ge=LEAST, le=MOST)
    ablations: tuple[tuple[Name, Name, Name], ...] = ()
    sensitivity: Annotated[dict[Name, tuple[Name, ...]], LATER] = Field(default_factory=dict)
    variants: dict[Name, Variant] = Field(default_factory=dict)
    models: dict[Name, Model]
    policy: Name
    experts: tuple[Expert, ...] = ()
    train: ProblemSet
    validation: ProblemSet
    benchmarks: dict[Name, Benchmark] = Field(min_length=1)
    benchmark_dir: Path | None = None
    overlap: Overlap = Overlap()
    system_prompt: Words | None = None
    chat_template_kwargs: ChatTemplateKwargs = Field(default_factory=dict)
    consultation: Consultation
    reward: Reward = Reward()
    internalization: Internalization = Internalization()
    supervised: Supervised = Supervised()
    solutions: Solutions = Solutions()
    training: Training
    tuning: Tuning | None = None
    tuned: Path | None = None
    evaluation: Evaluation
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _references(self) -> "Experiment":
        lists: dict[str, Sequence[Any]] = {
            "methods": self.methods,
            "references": self.references,
            "seeds": self.seeds,
            "experts": [expert.name for expert in self.experts],
            "ablations": [component for component, _, _ in self.ablations],
        }
        for key, values in lists.items():
            if twice := [value for value, count in Counter(values).items() if count > 1]:
                raise ValueError(f"{key}: {twice[0]!r} stands there twice")
        if len("-".join(lists["experts"])) > _LONGEST_TOGETHER:
            raise ValueError(f"experts: all names together have more than {_LONGEST_TOGETHER} characters")
        shipped = methods()
        for name, variant in self.variants.items():
            if name in shipped:
                raise ValueError(f"variants: {name!r} is the name of a method that ships")
            if variant.of not in shipped:
                raise ValueError(
                    f"variants.{name}.of: {variant.of!r} is unknown; allowed are {', '.join(sorted(shipped))}"
                )
            # Also one that is not used yet.
            self._arm(name)
        known = sorted({*shipped, *self.variants})
        for key, names in (("methods", self.methods), ("references", self.references)):
            for name in names:
                if name not in known:
                    raise ValueError(f"{key}: {name!r} is unknown; allowed are {', '.join(known)}")
        pairs = {"comparisons": self.comparisons, "ablations": [pair for _, *pair in self.ablations]}
        for key, declared in pairs.items():
            for name in (name for pair in declared for name in pair):
                if name not in self.arms:
                    raise ValueError(f"{key}: {name!r} is none of the arms ({', '.join(self.arms)})")
            # Each is a test of a family: one that says nothing new would cost the others power.
            for index, (first, second) in enumerate(declared):
                if first == second or {first, second} in map(set, declared[:index]):
                    raise ValueError(f"{key}: {first!r} against {second!r}: each is of two arms, and stands there once")
        self._told_apart()
        self.settings_compared()
        check_benchmarks(self.benchmarks)
        check_held_out(self.train, {key: one for key, one in self.problem_sets().items() if key != "train"})
        if self.tuning is not None:
            self.tuning.check_seeds(self.seeds)
        self._require_models()
        check_runs(self.arms, self.experts)
        return self

    def _told_apart(self) -> None:
        titled: dict[str, str] = {}
        for name in self.arms:
            title = self.method(name).title
            if title is not None and (other := titled.setdefault(title, name)) != name:
                raise ValueError(
                    f"variants: {other} and {name} have the same title, {title!r}, and no figure would tell them apart"
                )

    def settings_compared(self) -> list[Setting]:
        """The settings of ``sensitivity``; none where it is empty. Raises ValueError."""
        return settings_of(self.sensitivity, self.arms, self.evaluation.temperature)

    def problem_sets(self) -> dict[str, Benchmark]:
        """Every problem set, by its key."""
        tuning: dict[str, Benchmark] = {} if self.tuning is None else {"tuning.validation": self.tuning.validation}
        benchmarks = {f"benchmarks.{name}": benchmark for name, benchmark in self.benchmarks.items()}
        return {"train": self.train, "validation": self.validation, **tuning, **benchmarks}

    def models_used(self) -> list[tuple[str, str]]:
        """Each model that something names, with the key that does."""
        used = [("policy", self.policy)]
        used += [(f"experts.{one.name}.serve", one.serve) for one in self.experts if one.serve is not None]
        for name, arm in self.arms.items():
            used += [(f"method {name}: policy", arm.policy)]
            used += [(f"method {name}: models", model) for model in arm.needs().models]
        return used

    def _require_models(self) -> None:
        experts = [expert.name for expert in self.experts]
        for key, model in self.models_used():
            if model not in self.models:
                raise ValueError(f"{key}: {model!r} is not one of models ({', '.join(self.models)})")
        for name, arm in self.arms.items():
            for expert in arm.needs().any_experts:
                if expert not in experts:
                    raise ValueError(
                        f"method {name}: experts: {expert!r} is not one of the experiment's ({', '.join(experts)})"
                    )
            for served in self.experts_named(arm.needs().solutions):
                if served.serve is not None and served.max_model_len <= self.solutions.max_tokens:
                    raise ValueError(
                        f"solutions.max_tokens: {self.solutions.max_tokens} leave no room for a problem in "
                        f"experts.{served.name}.max_model_len ({served.max_model_len})"
                    )

    @functools.cached_property
    def arms(self) -> dict[str, Arm]:
        """Every arm that is scored, by name, those that nobody had to list first.

        Raises:
            ValueError: a method asks for something that is not allowed.
        """
        return {name: self._arm(name) for name in dict.fromkeys((*self.references, *self.methods))}

    def _arm(self, name: str) -> Arm:
        method = self.method(name)
        arm = method.arm(name, self.shared())
        if (said := undeclared(name, arm, method.spends or (), self.training)) is not None:
            raise ValueError(said)
        return arm

    def method(self, name: str) -> Method:
        """What method ``name``, a shipped one or one of ``variants``, changes in the experiment.

        What was chosen for it by tuning stands between its own file and what a variant of it says.
        """
        variant = self.variants.get(name)
        of = name if variant is None else variant.of
        method = methods()[of]
        if of in self.choices:
            try:
                method = method.changed(self.choices[of])
            except ValueError as error:
                raise ValueError(one_line(f"tuned: {self.tuned}: method {of}", error)) from error
        if variant is None:
            return method
        try:
            return variant.applied_to(method, name)
        except ValueError as error:
            raise ValueError(one_line(f"variants.{name}", error)) from error

    @functools.cached_property
    def choices(self) -> dict[str, dict[str, Any]]:
        """What tuning chose for each tuned method, by its name; nothing where ``tuned`` names no rule file.

        Raises:
            ValueError: the file is none.
        """
        return {} if self.tuned is None else read_rule(self.tuned).choices

    def shared(self) -> dict[str, Any]:
        """What arms take from the experiment unless they replace it, in JSON's types; experts are their names.

        Not among these are experts that an arm has to name (``named_only``). ``served`` is no value of an arm: the
        models that all experts are served from, in their order.
        """
        parts = ("consultation", "reward", "internalization", "supervised", "training")
        return {
            "policy": self.policy,
            "system_prompt": self.system_prompt,
            "chat_template_kwargs": self.chat_template_kwargs,
            "experts": [expert.name for expert in self.experts if not expert.named_only],
            "served": [expert.serve for expert in self.experts],
            **{part: getattr(self, part).model_dump(mode="json") for part in parts},
        }

    def experts_named(self, names: Iterable[str]) -> list[Expert]:
        """Those experts, in the experiment's order."""
        wanted = set(names)
        return [expert for expert in self.experts if expert.name in wanted]


def load_experiment(config: dict[str, Any], source: str) -> Experiment:
    """Check what Snakemake read from ``source`` (and ``--config``).

    Raises:
        ExperimentError: with the one line that a user needs.
    """
    try:
        check_plain(config)
        experiment = Experiment.model_validate(config)
        check_fits(experiment, count_problems(experiment))
        _require_keys(experiment)
    except ValueError as error:
        raise ExperimentError(one_line(source, error)) from error
    return experiment


def check_file(path: Path) -> None:
    """Check what cannot be told any more from what Snakemake has read of a file: keys that stand there twice, say.

    Raises:
        ExperimentError: with the one line that a user needs.
    """
    try:
        read_document(path)
    except (OSError, ValueError) as error:
        raise ExperimentError(one_line(str(path), error)) from error


def _require_keys(experiment: Experiment) -> None:
    for expert in experiment.experts:
        try:
            read_headers(expert)
        except ValueError as error:
            raise ValueError(f"experts: {error}") from error


def preflight_experts(experiment: Experiment) -> None:
    """Ask every expert that exists already and that some arm needs whether it is there.

    Raises:
        ExperimentError: one is not, or does not offer its model.
    """
    names = [name for arm in experiment.arms.values() for name in arm.needs().any_experts]
    remote = [expert for expert in experiment.experts_named(names) if expert.serve is None]
    if remote:
        # Here: an HTTP client takes longer to import than an experiment to validate.
        from eapo_verl.experts.preflight import preflight

        try:
            preflight([Endpoint(**expert.settings()) for expert in remote])
        except ValueError as error:
            raise ExperimentError(f"experts: {error}") from error
