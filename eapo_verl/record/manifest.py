"""``run.json``: what was run, with what, where, and what it cost."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eapo_verl.cpu.environment import on_cpu
from eapo_verl.cpu.precision import cpu_precision
from eapo_verl.experts.reply import FATES
from eapo_verl.method.grammar import FAULTS
from eapo_verl.method.hints import FATES as HINT_FATES
from eapo_verl.method.off_policy import COUNTS as OFF_POLICY
from eapo_verl.record import by_expert
from eapo_verl.record.costs import Costs, count_parameters, forward_flops, policy_costs
from eapo_verl.record.events import stalls
from eapo_verl.record.files import write_whole
from eapo_verl.record.other_runs import costs_of_start
from eapo_verl.record.provenance import hardware, sources, versions
from eapo_verl.record.server_load import ASKED, FAILED, ROLLOUT_ENGINE, experts_servers, largest
from eapo_verl.record.solutions import read_provenance
from eapo_verl.record.speed import speed_of_run
from eapo_verl.record.step_metrics import OUTCOME, VALIDATION_OUTCOME, added_up
from eapo_verl.settings.run import AnyRun, RunSettings

# Of how an expert's solutions were come by.
_SOLVED = ("problems", "solved", "asked", "right", "kept", "fates")


def write_manifest(
    path: Path,
    settings: RunSettings,
    steps: list[dict[str, Any]],
    transcripts: dict[str, int],
    dropped_prompts: dict[str, int],
    wall_s: float,
    attempts: Sequence[Mapping[str, Any]],
    provided: dict[str, int],
    happened: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write ``run.json`` for a finished run.

    Args:
        path: the file.
        settings: the run.
        steps: the lines of its metrics file; counts are summed over them, so they hold across restarts.
        transcripts: rollouts that were written down word for word, by phase.
        dropped_prompts: problems of each set whose prompt is longer than allowed, and which were left out.
        wall_s: seconds that this attempt took, start-up and export included; the steps of earlier ones that it goes on
            from are added.
        attempts: of :func:`eapo_verl.record.checkpoints.note_attempt`; one, for a run in one go.
        provided: what training prompts were provided with of experts' solutions, and what became of these; or nothing.
        happened: the lines of its file of events.
    """

    def total(column: str) -> float:
        return sum(step.get(column) or 0 for step in steps)

    sources = {expert: read_provenance(file) for expert, file in settings.solutions.items()}
    costs, start = with_solutions(_costs(settings, steps), sources), costs_of_start(settings)
    manifest: dict[str, Any] = {
        **of_any_kind(settings, steps, wall_s, attempts),
        "dropped_prompts": dropped_prompts,
        "solutions": solved(sources),
        "provided": provided,
        # Rollouts, by what became of the hint of their prompt; and what solutions did in groups.
        "hints": {fate: total(f"hint_{fate}") for fate in HINT_FATES},
        "off_policy": {name: total(name) for name in OFF_POLICY},
        "rollouts": total("rollouts"),
        "discarded_rollouts": total("discarded_rollouts"),
        "surplus_rollouts": total("surplus_rollouts"),
        "failed_rollouts": total("failed_rollouts"),
        "failed_validation_rollouts": total("failed_validation_rollouts"),
        # By the task's word: of rollouts that did not fail, and of those of validations.
        "outcomes": added_up(steps, OUTCOME),
        "validation_outcomes": added_up(steps, VALIDATION_OUTCOME),
        "internalized": total("internalized"),
        "transcripts": transcripts,
        "policy_tokens": total("policy_tokens"),
        "cut_tokens": total("cut_tokens"),
        "expert_tokens": costs.expert_tokens,
        "expert_prompt_tokens": costs.expert_prompt_tokens,
        # Of replies out of the cache: nobody wrote or read them for this run.
        "expert_tokens_cached": total("expert_tokens_cached"),
        "expert_prompt_tokens_cached": total("expert_prompt_tokens_cached"),
        "expert_requests": costs.expert_requests,
        # Those of this run's that failed at one server of an expert and went on to another.
        "expert_failovers": total("expert_failovers"),
        "expert_cost_usd": round(total("expert_cost") + sum(source["cost_usd"] for source in sources.values()), 6),
        # The first is the sum of the others.
        "consultations": {"asked": total("queries"), **{fate: total(fate) for fate in FATES}},
        # Of the run's consultations alone, by the expert.
        "experts": by_expert.of_run(steps, settings.experts),
        "speed": speed_of_run(steps),
        "server_load": {name: total(name) for name in (ASKED, FAILED)}
        | largest(steps, [ROLLOUT_ENGINE, *experts_servers(settings.experts)]),
        "stalls": stalls(happened),
        "malformed": {name: total(name) for name in (*FAULTS, "unclosed")},
        "replies_changed": {name: total(name) for name in ("neutralised", "capped", "cached")},
        # All that was spent for the model; the rest is of this run alone.
        "costs": (costs if start is None else costs.after(start)).block(),
        "costs_of_start": None if start is None else start.block(),
    }
    write_whole(path, json.dumps(manifest, indent=2) + "\n")


def of_any_kind(
    settings: AnyRun, steps: list[dict[str, Any]], wall_s: float, attempts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What ``run.json`` says of a run whatever its kind; arguments as :func:`write_manifest` has them."""
    last = attempts[-1]
    before = sum(step["seconds"] or 0.0 for step in steps if step["step"] <= last["resumed_from_step"])
    return {
        "method": settings.method,
        "kind": settings.kind,
        "seed": settings.seed,
        "config_sha256": settings.config_sha256,
        "departures": {key: one.model_dump(mode="json") for key, one in settings.departures.items()},
        "resolved_config": settings.model_dump(mode="json"),
        # Of the attempt that ended, and of all that came before it.
        "git_sha": last["git_sha"],
        "attempts": list(attempts),
        # Of models and problems that were downloaded, or read from files.
        "sources": sources(settings.inputs),
        "versions": versions(),
        "hardware": hardware(),
        # On an accelerator verl's own configuration decides.
        "precision": cpu_precision(settings.precision) if on_cpu() else None,
        "wall_s": round(wall_s + before, 1),
        "resumed_from_step": last["resumed_from_step"],
        "step_s": round(sum(step["seconds"] or 0.0 for step in steps), 1),
    }


def solved(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What ``run.json`` says of how experts' solutions were come by, by the expert."""
    return {expert: {key: source[key] for key in _SOLVED} for expert, source in sources.items()}


def with_solutions(costs: Costs, sources: Mapping[str, Mapping[str, Any]], share: float = 1.0) -> Costs:
    """The costs and those of experts' solutions: wrong ones too, in every run that uses them.

    Args:
        costs: of the run itself.
        sources: how each expert's solutions were come by (:mod:`workflow.solutions.provenance`).
        share: of them that the run bears.
    """

    def total(key: str) -> int:
        return round(share * sum(source[key] for source in sources.values()))

    flops = [source["flops"] for source in sources.values()]
    unknown = None in (costs.expert_flops, *flops)
    return costs._replace(
        expert_tokens=costs.expert_tokens + total("tokens"),
        expert_prompt_tokens=costs.expert_prompt_tokens + total("prompt_tokens"),
        expert_requests=costs.expert_requests + total("requests"),
        expert_flops=None if unknown else float((costs.expert_flops or 0.0) + share * sum(flops)),
        expert_parameters=dict(costs.expert_parameters)
        | {expert: source["parameters"] for expert, source in sources.items()},
    )


def _costs(settings: RunSettings, steps: list[dict[str, Any]]) -> Costs:
    def total(*columns: str) -> int:
        return int(sum(step.get(column) or 0 for step in steps for column in columns))

    sizes = {expert.name: expert.parameters for expert in settings.experts}
    flops = float(total("expert_flops"))
    if settings.distillation is not None and settings.teacher is not None:
        scoring = sizes[settings.distillation.teacher] = count_parameters(settings.teacher)
        flops += forward_flops(scoring or 0, total("expert_tokens_scored"))
    known = None not in sizes.values() or not total("expert_requests", "expert_tokens_scored")
    same = (
        *("expert_tokens", "expert_prompt_tokens", "expert_tokens_scored", "expert_requests"),
        *("optimiser_steps", "prompts_seen"),
    )
    return policy_costs(steps)._replace(
        **{name: total(name) for name in same},
        expert_flops=flops if known else None,
        rollouts=total("rollouts", "discarded_rollouts", "surplus_rollouts", "failed_rollouts"),
        policy_parameters=count_parameters(settings.policy),
        expert_parameters=sizes,
    )
