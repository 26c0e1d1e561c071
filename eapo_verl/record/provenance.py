"""What a result was made with: commit, versions and hardware, for ``run.json`` and for the provenance of samples."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eapo_verl.cpu.precision import CPUINFO, instruction_set

#: In a model's folder, and at the end of the name of what lies beside a file of problems: says where it is from.
SOURCE_FILE = "source.json"
_PACKAGES = ("torch", "verl", "vllm", "transformers", "ray", "tensordict", "transferqueue", "numpy")


def different(values: Sequence[Any]) -> list[Any]:
    """Each of several results' values once, in order; they may be objects of JSON, which no set takes."""
    return [value for place, value in enumerate(values) if value not in values[:place]]


def versions(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Installed versions, Python's included."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in packages}


def problems_source(file: Path) -> Path:
    """What says where a file of problems is from: ``train.source.json`` for ``train.jsonl``."""
    return file.with_name(f"{file.stem}.{SOURCE_FILE}")


def sources(inputs: Iterable[Path]) -> dict[str, Any]:
    """What is written down of where files and models are from, by their names; of what was made here, nothing is.

    Raises:
        ValueError: such a file is not JSON.
    """
    found = [(one.name, one / SOURCE_FILE) if one.is_dir() else (one.stem, problems_source(one)) for one in inputs]
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in found if path.is_file()}


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


def commits(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """The commits that results were made at, each once: of a run that was interrupted, those of its attempts."""
    made = [one for result in results for one in (*result.get("attempts", ()), result)]
    return different([one["git_sha"] for one in made])


def hardware() -> dict[str, Any]:
    """Processor, its widest instruction set, cores, memory in GiB, and accelerators by name."""
    # Here: it takes seconds, and whoever asks has it imported for a reason of its own.
    import torch

    with CPUINFO.open(encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "instruction_set": instruction_set(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "accelerators": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }
