"""``run.json`` of a run of the kind ``sft``, with the keys of reinforcement learning's where they apply."""

import json
from pathlib import Path
from typing import Any

from eapo_verl.cpu.environment import on_cpu
from eapo_verl.cpu.precision import cpu_precision
from eapo_verl.record.costs import Costs, count_parameters
from eapo_verl.record.files import write_whole
from eapo_verl.record.provenance import git_sha, hardware, versions
from eapo_verl.record.solutions import read_provenance
from eapo_verl.sft.data import Row, Rows
from eapo_verl.sft.settings import SFTSettings


def write_manifest(
    path: Path,
    settings: SFTSettings,
    steps: list[dict[str, Any]],
    rows: Rows,
    learned: list[Row],
    wall_s: float,
    resumed_from: int,
) -> None:
    """Write ``run.json`` for a finished run.

    What experts wrote counts whole, wrong solutions included, and in every run that learns from it; where more problems
    were solved than the run's budget has, the share of those that it learns from.

    Args:
        path: the file.
        settings: the run.
        steps: the lines of its metrics file.
        rows: what it could learn from.
        learned: the rows of all batches, as often as they were learned from.
        wall_s: seconds that this attempt took, export and validation included; the steps of earlier ones that it goes
            on from are added.
        resumed_from: the training step that this attempt began after; 0 for a run in one go.

    Raises:
        RunError: it does not stand beside a file of solutions how they were come by.
    """
    sources = {expert: read_provenance(file) for expert, file in settings.solutions.items()}
    costs = _costs(settings, rows, learned, sources)
    manifest: dict[str, Any] = {
        "method": settings.method,
        "kind": settings.kind,
        "seed": settings.seed,
        "config_sha256": settings.config_sha256,
        "departures": {key: one.model_dump(mode="json") for key, one in settings.departures.items()},
        "resolved_config": settings.model_dump(mode="json"),
        "git_sha": git_sha(),
        "versions": versions(),
        "hardware": hardware(),
        "precision": cpu_precision(settings.precision) if on_cpu() else None,
        "wall_s": round(wall_s + sum(step["seconds"] or 0.0 for step in steps if step["step"] <= resumed_from), 1),
        "resumed_from_step": resumed_from,
        "step_s": round(sum(step["seconds"] or 0.0 for step in steps), 1),
        "rows": {
            "solutions": len(rows.rows),
            "problems": rows.problems,
            "share_of_solved": rows.share,
            "dropped": rows.dropped,
            "epochs": round(len(learned) / len(rows.rows), 3),
        },
        "solutions": {
            expert: {key: source[key] for key in ("problems", "solved", "asked", "right", "kept", "fates")}
            for expert, source in sources.items()
        },
        "policy_tokens": costs.policy_tokens_sampled,
        "expert_tokens": costs.expert_tokens,
        "expert_prompt_tokens": costs.expert_prompt_tokens,
        "expert_requests": costs.expert_requests,
        "expert_cost_usd": round(rows.share * sum(source["cost_usd"] for source in sources.values()), 6),
        # Nobody is consulted.
        "consultations": None,
        "costs": costs.block(),
    }
    write_whole(path, json.dumps(manifest, indent=2) + "\n")


def _costs(settings: SFTSettings, rows: Rows, learned: list[Row], sources: dict[str, dict[str, Any]]) -> Costs:
    def total(key: str) -> int:
        return round(rows.share * sum(source[key] for source in sources.values()))

    flops = [source["flops"] for source in sources.values()]
    return Costs(
        policy_tokens_trained=sum(row.solution_tokens for row in learned),
        policy_prompt_tokens_trained=sum(row.prompt_tokens for row in learned),
        expert_tokens=total("tokens"),
        expert_prompt_tokens=total("prompt_tokens"),
        expert_requests=total("requests"),
        expert_flops=None if None in flops else float(rows.share * sum(flops)),
        optimiser_steps=settings.optimiser_steps,
        prompts_seen=len(learned),
        policy_parameters=count_parameters(settings.policy),
        expert_parameters={expert: source["parameters"] for expert, source in sources.items()},
    )
