"""What a kind of method is: the schema of its arms, and what the workflow has to know of each."""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from eapo_verl.settings.base import Name, Settings, Words
from eapo_verl.settings.chat_template import ChatTemplateKwargs
from eapo_verl.settings.identity import LATER

#: What an arm may declare that it spends beside the experiment's budget, or otherwise than it says: tokens of experts
#: for its training and in evaluation; prompts, rollouts and optimiser steps of a run; tokens that it is trained on and
#: that are not its own rollouts'; more than one response of the policy for an answer in evaluation.
Spending = Literal[
    "expert_tokens",
    "evaluation_expert_tokens",
    "prompts",
    "rollouts",
    "optimiser_steps",
    "trained_tokens",
    "evaluation_tokens",
]


class Needs(NamedTuple):
    """What has to be there for an arm; experts and models by their names in the experiment.

    Attributes:
        problems: for its run, the training and the validation set.
        start: another arm, whose trained model of the same seed is there in place of ``policy``.
        costs_of: other arms; its run reads what their runs of the same seed have cost.
        samples_of: another arm; its own samples wait for that one's, and go by what they have cost.
        responses_of: likewise, an arm whose samples are single responses of this one's policy.
        models: for its run, these models beside the policy, a teacher say.
        solutions: for its run, solutions of the training problems by these experts.
        experts: these answer while it is trained.
        experts_at_evaluation: these answer while benchmarks are sampled.
    """

    problems: bool = False
    start: str | None = None
    costs_of: tuple[str, ...] = ()
    samples_of: str | None = None
    responses_of: str | None = None
    models: tuple[str, ...] = ()
    solutions: tuple[str, ...] = ()
    experts: tuple[str, ...] = ()
    experts_at_evaluation: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[str, ...]:
        """Arms whose runs of the same seed have to be there before, in whatever role."""
        return tuple(dict.fromkeys((*([self.start] if self.start is not None else []), *self.costs_of)))

    @property
    def samples(self) -> tuple[str, ...]:
        """Arms whose samples have to be there before this one's are drawn."""
        return tuple(dict.fromkeys(one for one in (self.samples_of, self.responses_of) if one is not None))

    @property
    def any_experts(self) -> tuple[str, ...]:
        """Experts that are needed at any time, in whatever role."""
        return tuple(dict.fromkeys((*self.solutions, *self.experts, *self.experts_at_evaluation)))


class Arm(Settings):
    """An arm of an experiment. A kind of method is a subclass: its fields are what an arm of the kind may say.

    A field that an experiment has, too (``policy``, ``system_prompt``, ``chat_template_kwargs``, ``experts``,
    ``consultation``, ``reward``, ``internalization``, ``supervised``, ``training``), holds the experiment's value with
    what the arm replaces in it, at any depth; experts are their names. Other fields are the kind's own.

    Attributes:
        program: the module that makes a run of the kind, ``python -m program SETTINGS --run-dir DIR --checkpoint-dir
            DIR [--endpoints FILE]``: it leaves ``run.json``, ``metrics.jsonl``, ``rollouts.jsonl.gz`` (without a line
            where there are no rollouts) and ``model/`` in the run's folder, and the model is scored. None: there
            is no run, and the policy itself is scored, once.
        spans_nodes: whether the program takes ``--nodes N`` too, where N machines of a job of Slurm's are its to use.
        sampler: the module that samples benchmarks for the kind, with the command line of ``workflow.sampling``. None:
            ``workflow.sampling``.
    """

    program: ClassVar[str | None] = None
    spans_nodes: ClassVar[bool] = False
    sampler: ClassVar[str | None] = None

    policy: Name
    #: Before every problem of training, validation and evaluation.
    system_prompt: Words | None = None
    #: What the policy's chat template is told, in all three.
    chat_template_kwargs: Annotated[ChatTemplateKwargs, LATER] = Field(default_factory=dict)

    def needs(self) -> Needs:
        """What has to be there for this arm; nothing, if a kind does not say."""
        return Needs()

    def spends(self) -> dict[Spending, str]:
        """What it spends beside the experiment's budget, and in words why.

        Without what anybody can tell by its needs, its ``training`` and its sampler (:mod:`workflow.fairness`).
        """
        return {}

    def settings(self) -> dict[str, Any]:
        """What the program is told of this arm, beside what every run is told (names, seed, files, experts)."""
        return self.model_dump(mode="json", exclude={"policy", "experts"})

    def sampling(self) -> dict[str, Settings]:
        """What its sampler is told beside what every arm's is, by option: ``{"procedure": …}`` as ``--procedure JSON``.

        Samples depend on all of it but the keys that are marked as operational. Experts that answer at evaluation need
        not be in it.
        """
        return {}

    def system_prompt_at_evaluation(self) -> str | None:
        """What stands before every problem of a benchmark; as in training, if a kind does not say."""
        return self.system_prompt

    def temperature_at_evaluation(self) -> float | None:
        """Of samples of benchmarks; None, the experiment's, if a kind does not say."""
        return None

    def banned(self) -> tuple[str, ...]:
        """Strings that cannot be sampled at evaluation."""
        return ()
