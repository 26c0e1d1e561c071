"""``run.json`` of a run of the kind ``sft``, with the keys of reinforcement learning's where they apply."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eapo_verl.record.costs import Costs, count_parameters
from eapo_verl.record.files import write_whole
from eapo_verl.record.manifest import of_any_kind, solved, with_solutions
from eapo_verl.record.solutions import read_provenance
from eapo_verl.record.step_metrics import VALIDATION_OUTCOME, added_up
from eapo_verl.sft.data import Row, Rows
from eapo_verl.sft.settings import SFTSettings


def write_manifest(
    path: Path,
    settings: SFTSettings,
    steps: list[dict[str, Any]],
    rows: Rows,
    learned: list[Row],
    wall_s: float,
    attempts: Sequence[Mapping[str, Any]],
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
        attempts: of :func:`eapo_verl.record.checkpoints.note_attempt`, in training steps; one, for a run in one go.

    Raises:
        RunError: it does not stand beside a file of solutions how they were come by.
    """
    sources = {expert: read_provenance(file) for expert, file in settings.solutions.items()}
    own = Costs(
        policy_tokens_trained=sum(row.solution_tokens for row in learned),
        policy_prompt_tokens_trained=sum(row.prompt_tokens for row in learned),
        optimiser_steps=settings.optimiser_steps,
        prompts_seen=len(learned),
        policy_parameters=count_parameters(settings.policy),
    )
    costs = with_solutions(own, sources, rows.share)
    manifest: dict[str, Any] = {
        **of_any_kind(settings, steps, wall_s, attempts),
        "rows": {
            "solutions": len(rows.rows),
            "problems": rows.problems,
            "share_of_solved": rows.share,
            "dropped": rows.dropped,
            "epochs": round(len(learned) / len(rows.rows), 3),
        },
        "solutions": solved(sources),
        "validation_outcomes": added_up(steps, VALIDATION_OUTCOME),
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
