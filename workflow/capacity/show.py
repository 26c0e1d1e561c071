"""A plan as text, for people to read; what is assumed stands under it."""

from collections.abc import Iterator

from tabulate import tabulate

from workflow.capacity.memory import Engine, Training
from workflow.capacity.plan import CapacityPlan, Range
from workflow.capacity.roles import Role


def shown(plan: CapacityPlan) -> str:
    """The whole plan."""
    return "\n\n".join("\n".join(part) for part in (_memory(plan), _arms(plan), _total(plan), _assumptions(plan)))


def _table(rows: list[list[object]], headers: list[str]) -> str:
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True, stralign="right")


def _memory(plan: CapacityPlan) -> Iterator[str]:
    yield f"Memory of one accelerator of {plan.machine.gpu_memory:g} GB"
    headers = ["model", "10^9 parameters", "what it does", "tokens", "GPUs", "GB of each", "longest sequences at once"]
    yield _table([_role(role) for role in plan.roles], headers)


def _role(role: Role) -> list[object]:
    begun = [role.model, f"{role.shape.parameters / 1e9:.3f}", role.what, f"{role.length:,}"]
    if isinstance(role.placed, Training):
        one = role.placed
        said = {"state": one.state, "layers": one.layers, "activations": one.activations, "logits": one.logits}
        parts = ", ".join(f"{name} {size:.1f}" for name, size in said.items())
        return [*begun, one.gpus, f"{one.total:.1f}: {parts}", ""]
    if isinstance(role.placed, Engine):
        serving = role.placed
        parts = f"weights {serving.weights:.1f}, left for the cache {serving.cache:.1f}"
        return [*begun, serving.parallel, parts, serving.sequences]
    return [*begun, "-", f"does not fit on {role.tried}", ""]


def _arms(plan: CapacityPlan) -> Iterator[str]:
    yield "A run of each trained arm (10^6 tokens), and the hours of one accelerator for all its seeds"
    headers = [
        "arm",
        "runs",
        "sampled",
        "read",
        "scored",
        "trained",
        "experts",
        "requests",
        "training h",
        "generation h",
    ]
    rows: list[list[object]] = []
    for arm in plan.arms:
        costs = arm.costs
        trained = costs.policy_tokens_trained + costs.policy_prompt_tokens_trained
        experts = costs.expert_tokens + costs.expert_prompt_tokens + costs.expert_tokens_scored
        counts = (costs.policy_tokens_sampled, costs.policy_prompt_tokens, costs.policy_tokens_scored, trained, experts)
        millions = [f"{count / 1e6:,.2f}" for count in counts]
        hours = [_range(arm.training), _range(arm.generation)]
        rows.append([arm.method, arm.runs, *millions, f"{costs.expert_requests:,}", *hours])
    yield _table(rows, headers)


def _total(plan: CapacityPlan) -> Iterator[str]:
    hours = plan.gpu_hours
    millions = f"{plan.evaluation_tokens / 1e6:,.1f} million tokens"
    yield f"Evaluation: {millions}, {_range(plan.evaluation)} hours of one accelerator"
    yield f"All of it: {_range(hours)} hours of one accelerator"
    if plan.gpus and not plan.misfits:
        wall = Range(hours.low / plan.gpus, hours.high / plan.gpus)
        yield f"On {plan.gpus} that are always busy: {_range(wall)} hours of wall time"
    for what, size in plan.disk.items():
        yield f"Disk, {what}: {size:,.3g} GB"
    if plan.machine.price is not None:
        bill = Range(hours.low * plan.machine.price, hours.high * plan.machine.price)
        yield f"Bill, at {plan.machine.price:g} an hour: {_range(bill)}"


def _assumptions(plan: CapacityPlan) -> Iterator[str]:
    yield "Assumed; each can be said otherwise (--assume KEY=VALUE, --training, --generation)"
    for key, value in plan.assumed.model_dump().items():
        yield f"  {key}: {value:g}"
    low, high = plan.machine.training
    yield f"  training: {low:g} to {high:g} TFLOP/s of one accelerator"
    low, high = plan.machine.generation
    yield f"  generation: {low:g} to {high:g} x 10^12 parameters times tokens a second, of one accelerator"
    yield "  An answer in evaluation is one response; arms of several turns take more."
    yield "  Experts' solutions are a cost of each run that learns from them, though they are asked for once."


def _range(range_: Range) -> str:
    return f"{range_.low:,.3g} to {range_.high:,.3g}"
