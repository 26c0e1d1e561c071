"""``run.json``: what was run, with what, where, and what it cost."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from eapo_verl.reply import OUTCOMES
from eapo_verl.run_settings import RunSettings

_PACKAGES = ("torch", "verl", "vllm", "transformers", "ray", "tensordict", "transferqueue", "numpy")


def versions(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Installed versions, Python's included."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in packages}


def git_sha() -> str:
    """The commit that this code is at, "-dirty" appended where files differ from it; "unknown" outside a checkout."""
    here = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude", "*"],
            cwd=here, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()


def hardware() -> dict[str, Any]:
    """Processor, cores, memory in GiB, and accelerators by name."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "accelerators": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def write_manifest(
    path: Path,
    settings: RunSettings,
    steps: list[dict[str, Any]],
    dropped_prompts: dict[str, int],
    wall_s: float,
    resumed_from: int,
) -> None:
    """Write ``run.json`` for a finished run.

    Args:
        path: the file.
        settings: the run.
        steps: the lines of its metrics file; counts are summed over them, so they hold across restarts.
        dropped_prompts: problems of each set whose prompt is longer than allowed, and which were left out.
        wall_s: seconds that this attempt took, start-up and export included.
        resumed_from: the step that this attempt began after; 0 for a run in one go.
    """

    def total(column: str) -> float:
        return sum(step.get(column) or 0 for step in steps)

    manifest = {
        "method": settings.method,
        "kind": settings.kind,
        "seed": settings.seed,
        "config_sha256": settings.config_sha256,
        "resolved_config": settings.model_dump(mode="json"),
        "git_sha": git_sha(),
        "versions": versions(),
        "hardware": hardware(),
        "wall_s": round(wall_s, 1),
        "resumed_from_step": resumed_from,
        "step_s": round(sum(step["seconds"] or 0.0 for step in steps), 1),
        "dropped_prompts": dropped_prompts,
        "rollouts": total("rollouts"),
        "discarded_rollouts": total("discarded_rollouts"),
        "internalized": total("internalized"),
        "policy_tokens": total("policy_tokens"),
        "cut_tokens": total("cut_tokens"),
        "expert_tokens": total("expert_tokens"),
        "expert_prompt_tokens": total("expert_prompt_tokens"),
        "expert_requests": total("expert_requests"),
        "expert_cost_usd": round(total("expert_cost"), 6),
        # asked = accepted + annealed + gated + timed_out + failed + truncated.
        "consultations": {
            "asked": total("queries"),
            **{name: total(name) for name in ("accepted", "annealed", "gated", *OUTCOMES) if name != "answered"},
        },
        "malformed": {name: total(name) for name in ("empty", "duplicated", "excess", "nested", "unclosed")},
        "replies_changed": {name: total(name) for name in ("neutralised", "capped", "cached")},
    }
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
