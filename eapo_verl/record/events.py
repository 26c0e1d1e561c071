"""``events.jsonl``: what happened to a run beside its steps, a line each, kept across restarts.

A line has ``event``, the kind, and ``at``, when (UTC). There is one kind, ``stall``: no step was finished for long.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eapo_verl.record.files import write_whole
from eapo_verl.record.server_load import Load
from eapo_verl.record.waits import Standing

#: Its name, in the checkpoint folder and in the run's.
FILE = "events.jsonl"


@dataclass(frozen=True)
class Stall:
    """No step was finished for long; where the run is meanwhile.

    Attributes:
        at: when, in UTC (ISO 8601).
        step: that is not finished; 0 before the first.
        phase: of it, the innermost one last, with " / " between.
        phase_s: seconds since that began.
        since_s: seconds since a step was finished, or the run began.
        rollouts: where they are; None where those who know did not say.
        servers: how busy the rollout engine and experts are, as far as they said.
    """

    at: str
    step: int
    phase: str
    phase_s: float
    since_s: float
    rollouts: Standing | None
    servers: Mapping[str, Load]

    def line(self) -> str:
        """For the log."""
        pieces = [
            f"no step finished for {_duration(self.since_s)}",
            f"step {self.step} has been in {self.phase} for {_duration(self.phase_s)}",
        ]
        if self.rollouts is None:
            pieces.append("the rollout workers do not say where they are")
        elif self.rollouts.begun:
            pieces.append(f"{self.rollouts.unfinished} of {self.rollouts.begun} rollouts unfinished")
        waits = self.rollouts.waits if self.rollouts is not None else {}
        pieces += [
            f"waiting for {whom}: {wait.waiting}, the longest for {_duration(wait.longest_s)}"
            for whom, wait in sorted(waits.items(), key=lambda item: -item[1].longest_s)
        ]
        pieces += [
            f"{name}: {load.running:.0f} requests running, {load.waiting:.0f} waiting, KV cache {load.kv_cache:.0%}"
            for name, load in self.servers.items()
        ]
        return "; ".join(pieces)

    def as_json(self) -> dict[str, Any]:
        """A line of the file."""
        rollouts = self.rollouts and asdict(self.rollouts) | {
            "waits": {whom: wait._asdict() for whom, wait in self.rollouts.waits.items()}
        }
        servers = {name: load._asdict() for name, load in self.servers.items()}
        return {"event": "stall"} | asdict(self) | {"rollouts": rollouts, "servers": servers}


def begin(path: Path) -> None:
    """Begin an attempt at a run: an empty file, or that of earlier ones without what a kill has left half written."""
    write_whole(path, "".join(_whole_lines(path)) if path.exists() else "")


def append(path: Path, event: Stall) -> None:
    """Add a line to the file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(event.as_json()) + "\n")


def read_events(path: Path) -> list[dict[str, Any]]:
    """The lines in order. A last one without its end, left by a killed process, is none."""
    return [json.loads(line) for line in _whole_lines(path)]


def _whole_lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


def stalls(lines: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What ``run.json`` says of them: how often the run has said so, and after how many seconds at most."""
    told = [line for line in lines if line["event"] == "stall"]
    return {"said": len(told), "longest_s": max((line["since_s"] for line in told), default=0.0)}


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
