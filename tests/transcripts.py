"""Rollouts as a run's rollouts.jsonl.gz holds them."""

import gzip
import json
from pathlib import Path
from typing import Any


def query(fate: str = "accepted", reply: str | None = "6", expert: str = "expert_a", query: str = "4+7@3") -> dict:
    return {"query": query, "fate": fate, "expert": expert, "reply": reply}


def turn(*queries: dict, let_through: bool = True, confidence: float | None = -0.5) -> dict[str, Any]:
    policy = "<consult>4+7@3</consult>"
    return {"policy": policy, "confidence": confidence, "let_through": let_through, "queries": list(queries)}


def rollout(*turns: dict, correct: bool = True, step: int = 1, phase: str = "train", **changes: Any) -> dict[str, Any]:
    return {
        "step": step,
        "phase": phase,
        "prompt": "chains-0",
        "rollout": 0,
        "problem": "4+7@3;1*2;9#5-8",
        "answer": "626",
        "turns": list(turns),
        "response": "so \\boxed{626}",
        "correct": correct,
        "accepted": sum(one["fate"] == "accepted" for each in turns for one in each["queries"]),
        "reward": {"answer": float(correct), "bonus": 0.0, "cost": 0.0, "overlong": 0.0},
    } | changes


def write_rollouts(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode()))
    return path
