"""One budget for all arms of an experiment; what an arm spends otherwise, it declares (``docs/fairness.md``)."""

from baselines.arm import Arm, Spending
from eapo_verl.settings.run import Training


def spent(arm: Arm, shared: Training) -> dict[Spending, str]:
    """What an arm spends that is not in the experiment's budget, and in words why it does.

    Args:
        arm: of any kind; one that has the experiment's ``training`` is held against it.
        shared: the experiment's ``training``.
    """
    needs = arm.needs()
    found: dict[Spending, str] = {}
    for_training = dict.fromkeys((*needs.solutions, *needs.experts, *needs.models))
    if for_training:
        found["expert_tokens"] = f"of {', '.join(for_training)}"
    if needs.experts_at_evaluation:
        found["evaluation_expert_tokens"] = f"of {', '.join(needs.experts_at_evaluation)}"
    training = getattr(arm, "training", None)
    if isinstance(training, Training):
        ours, theirs = _budget(training), _budget(shared)
        found |= {name: f"{ours[name]}, not {theirs[name]}" for name in ours if ours[name] != theirs[name]}
    if arm.sampler is not None:
        found["evaluation_tokens"] = f"by {arm.sampler}"
    return found | arm.spends()


def undeclared(name: str, arm: Arm, declared: tuple[Spending, ...], shared: Training) -> str | None:
    """What is to be said of an arm that spends what it does not declare, in one line; None of one that declares it."""
    missing = {item: why for item, why in spent(arm, shared).items() if item not in declared}
    if not missing:
        return None
    said = ", ".join(f"{item} ({why})" for item, why in missing.items())
    every = ", ".join(dict.fromkeys((*declared, *missing)))
    return f"method {name}: spends: the experiment's budget does not hold {said}: needed is spends: [{every}]"


def _budget(training: Training) -> dict[Spending, int | str]:
    """What a whole run may spend by its settings."""
    budget = training.budget
    prompts = budget.steps * budget.prompts_per_step
    rollouts = prompts * budget.rollouts_per_prompt
    dynamic = training.optimiser.dynamic_sampling
    epochs = training.verl.get("actor_rollout_ref.actor.ppo_epochs", 1)
    return {
        "prompts": f"{prompts} and what dynamic sampling adds" if dynamic else prompts,
        "rollouts": f"{rollouts} and what dynamic sampling adds" if dynamic else rollouts,
        "optimiser_steps": budget.steps * budget.mini_batches * epochs,
    }
