"""Tokens and requests of each run, by role, from the experiment and from how long texts are and how a policy behaves.

The counts are those of ``costs`` in ``run.json`` (:class:`eapo_verl.record.costs.Costs`), so that a plan and a run
are compared field by field. How long texts are is assumed or measured; which of them are written, read, scored and
trained on in which arm follows from the experiment, and that is what this module knows:

- A rollout writes a response and its queries; it reads its prompt and, for every query, a reply or what stands in for
it. - Of a query that is asked in step s, a reply is shown with probability rho_s, and only then is the expert asked.
- A trained row is scored once by the policy before its step (old log-probabilities), and trained on once. -
Internalization trains on a rollout's words once more, without the consultation. - Solutions stand in for rollouts,
hints for the beginning of a response, as the arm's kind says.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from baselines.arm import Arm
from eapo_verl.record.costs import Costs, forward_flops
from eapo_verl.settings.base import Settings
from eapo_verl.settings.matching import Match, matched
from eapo_verl.settings.method import Consultation
from eapo_verl.settings.run import Training
from eapo_verl.settings.supervised import Supervised
from workflow.experiment import Experiment
from workflow.runs import asked_solutions


class Assumed(Settings):
    """How long texts are, in tokens, and how a policy behaves, on average over a run.

    Attributes:
        prompt: of a training problem, as a prompt.
        response: that the policy writes in a rollout, its queries left out.
        query: of one query, which the policy writes and an expert reads.
        reply: of an expert's reply, as the policy is shown it.
        written: that an expert writes for a query, its thoughts included.
        refusal: what the policy reads where a reply is not shown.
        solution: of an expert's solution of a training problem.
        queries: that a rollout of an arm that consults asks.
        early: how many times as many it asks while replies are shown: of the queries that are not held back (by the
            gate, say) the mean over a run's steps weighted by acceptance, over ``queries``.
        internalized: samples that internalization adds for each reply that is shown, where an arm has it.
        discarded: rollouts that dynamic sampling throws away for each that it keeps.
    """

    prompt: float = Field(gt=0)
    response: float = Field(gt=0)
    query: float = Field(gt=0)
    reply: float = Field(gt=0)
    written: float = Field(gt=0)
    refusal: float = Field(ge=0)
    solution: float = Field(gt=0)
    queries: float = Field(ge=0)
    early: float = Field(ge=0)
    internalized: float = Field(ge=0)
    discarded: float = Field(ge=0)


#: How many numbers each model has, by its name in the experiment; of an expert elsewhere, by the expert's.
Sizes = Mapping[str, int]


class TokenModel:
    """The runs of an experiment.

    Args:
        experiment: checked.
        assumed: of every arm that ``behaviour`` does not name.
        sizes: of the models.
        behaviour: of single arms.
    """

    def __init__(
        self, experiment: Experiment, assumed: Assumed, sizes: Sizes, behaviour: Mapping[str, Assumed] | None = None
    ) -> None:
        self._experiment = experiment
        self._assumed = assumed
        self._sizes = sizes
        self._behaviour = behaviour or {}

    def run(self, method: str) -> Costs:
        """What one run of an arm costs, and of the run that it starts from, as ``run.json`` has it."""
        arm = self._experiment.arms[method]
        own = self.own(method)
        start = arm.needs().start
        return own if start is None else own.after(self.run(start))

    def own(self, method: str) -> Costs:
        """What one run of an arm costs without the one that it starts from."""
        arm = self._experiment.arms[method]
        assert arm.program is not None
        training: Training = arm.training  # type: ignore[attr-defined]
        if isinstance(getattr(arm, "supervised", None), Supervised):
            return self._supervised(method, arm, training)
        budget = training.budget
        steps: float = budget.steps
        rollouts: float = budget.prompts_per_step * budget.rollouts_per_prompt
        match: Match | None = getattr(arm, "match", None)
        if match is not None:
            made = self._made(match, arm, training)
            if match.by == "steps":
                steps = made
            else:
                rollouts = budget.prompts_per_step * made
        return self._reinforced(method, arm, training, int(steps), rollouts)

    def _reinforced(self, method: str, arm: Arm, training: Training, steps: int, rollouts: float) -> Costs:
        """Of ``steps`` steps, each with so many rollouts."""
        assumed = self._behaviour.get(method, self._assumed)
        budget, consultation = training.budget, self._consultation(arm)
        hint, off_policy = getattr(arm, "hint", None), getattr(arm, "off_policy", None)
        # The sum of rho_s over the steps: in how many of them, put together, a reply is shown or a hint given.
        open_steps = sum(consultation.acceptance(step, budget.steps) for step in range(1, steps + 1))
        rows = steps * rollouts
        placed = (
            rows * off_policy.rows / budget.rollouts_per_prompt if off_policy and off_policy.when == "always" else 0.0
        )
        written = rows - placed
        queries = assumed.queries if consultation.possible else 0.0
        shown = open_steps * rollouts * queries * assumed.early
        asked = shown if consultation.pool.ask == "when_accepted" else written * queries
        hinted = 0.0 if hint is None else open_steps * rollouts * hint.share * assumed.solution
        sampled = written * (assumed.response + queries * assumed.query) - hinted
        read = (
            written * (assumed.prompt + queries * assumed.refusal) + shown * (assumed.reply - assumed.refusal) + hinted
        )
        internalization = getattr(arm, "internalization", None)
        again = shown * assumed.internalized if internalization is not None and internalization.on else 0.0
        trained = sampled + placed * assumed.solution + again * assumed.response
        context = read + (placed + again) * assumed.prompt
        drawn = 1.0 + (assumed.discarded if training.optimiser.dynamic_sampling else 0.0)
        scored_by_teacher = trained + context if arm.needs().models else 0.0
        return self._with_experts(
            arm,
            {
                "policy_tokens_sampled": sampled * drawn,
                "policy_prompt_tokens": read * drawn,
                "policy_tokens_scored": trained + context,
                "policy_tokens_trained": trained,
                "policy_prompt_tokens_trained": context,
                "expert_tokens": asked * assumed.written,
                "expert_prompt_tokens": asked * assumed.query,
                "expert_tokens_scored": scored_by_teacher,
                "expert_requests": asked + (rows if scored_by_teacher else 0.0),
                "optimiser_steps": steps * budget.mini_batches,
                "prompts_seen": steps * budget.prompts_per_step * drawn,
                "rollouts": written * drawn,
            },
            asked_solutions(self._experiment).problems or 0,
        )

    def _supervised(self, method: str, arm: Arm, training: Training) -> Costs:
        assumed, budget = self._behaviour.get(method, self._assumed), training.budget
        steps = budget.steps * budget.mini_batches
        rows = steps * budget.mini_batch
        # More problems may be solved than the budget has: the rest is not this run's.
        problems = min(asked_solutions(self._experiment).problems or 0, budget.steps * budget.prompts_per_step)
        return self._with_experts(
            arm,
            {
                "policy_tokens_trained": rows * assumed.solution,
                "policy_prompt_tokens_trained": rows * assumed.prompt,
                "optimiser_steps": steps,
                "prompts_seen": rows,
            },
            problems,
        )

    def _with_experts(self, arm: Arm, counts: dict[str, float], problems: int) -> Costs:
        """The costs, those of the solutions included that the arm needs, of so many ``problems`` by each expert."""
        needs, assumed = arm.needs(), self._assumed
        solved = problems * self._experiment.solutions.samples * len(needs.solutions)
        for key, more in (("tokens", assumed.solution), ("prompt_tokens", assumed.prompt), ("requests", 1.0)):
            counts[f"expert_{key}"] = counts.get(f"expert_{key}", 0.0) + solved * more
        names = needs.solutions or needs.experts
        sizes = {name: self._size_of(name) for name in names}
        # Each expert is asked by its weight; of these, by the mean size.
        mean = sum(sizes.values()) / len(sizes) if sizes else 0.0
        read = counts["expert_tokens"] + counts["expert_prompt_tokens"]
        teacher = sum(self._sizes[model] for model in needs.models)
        flops = forward_flops(round(mean), round(read))
        flops += forward_flops(teacher, round(counts.get("expert_tokens_scored", 0.0)))
        whole: dict[str, Any] = {key: round(value) for key, value in counts.items()}
        policy = self._sizes[arm.policy]
        return Costs(**whole, expert_flops=flops, policy_parameters=policy, expert_parameters=sizes)

    def _size_of(self, expert: str) -> int:
        [one] = self._experiment.experts_named([expert])
        return self._sizes[one.serve if one.serve is not None else one.name]

    def _made(self, match: Match, arm: Arm, training: Training) -> int:
        """What a match sets the key of the budget to."""
        budget, like = training.budget, self.own(match.like)
        given = getattr(budget, match.by)
        start = arm.needs().start
        flops = (self.run(match.arm).flops or 0.0) - (0.0 if start is None else self.run(start).flops or 0.0)
        return matched(match, given, budget.rollouts, flops, (like.flops or 0.0) / like.rollouts).made

    def _consultation(self, arm: Arm) -> Consultation:
        found: Consultation = arm.consultation  # type: ignore[attr-defined]
        return found
