"""A run on two problems of the embedded world that both experts solved."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eapo_verl.record.solutions import Solution, write_solutions
from eapo_verl.sft.settings import SFTSettings
from workflow.embedded.tokenizer import build_tokenizer

PROBLEMS = {"p-0": "1+1;2+2;3+3", "p-1": "4+4;5+5;6+6"}
SOLUTIONS = {"p-0": "1+1=2;2+2=4;3+3=6;\\boxed{246}", "p-1": "4+4=8;5+5=0;6+6=2;\\boxed{802}"}
Make = Callable[..., SFTSettings]


@pytest.fixture
def settings(tmp_path: Path) -> Make:
    """Settings of a run, with changed keys; ``texts`` replaces what the second expert wrote of the problems."""

    def make(texts: dict[str, str] | None = None, **changes: Any) -> SFTSettings:
        build_tokenizer().save_pretrained(tmp_path / "policy")
        for name in ("train", "validation"):
            rows = [
                {"id": name, "problem": text, "answer": "7", "task": "integers_bare"} for name, text in PROBLEMS.items()
            ]
            (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        for expert, written in (("wise", SOLUTIONS), ("old", SOLUTIONS | (texts or {}))):
            own = [Solution(problem, expert, text, "7", 9) for problem, text in written.items()]
            write_solutions(tmp_path / f"{expert}.jsonl", own, {})
        fields: dict[str, Any] = {
            "experiment": "e", "method": "m", "kind": "sft", "seed": 1, "policy": tmp_path / "policy",
            "train_file": tmp_path / "train.jsonl", "validation_file": tmp_path / "validation.jsonl",
            "solutions": {expert: tmp_path / f"{expert}.jsonl" for expert in ("wise", "old")},
            "supervised": {}, "consultation": {},
            "budget": {"steps": 3, "prompts_per_step": 2, "rollouts_per_prompt": 2, "mini_batches": 2,
                       "validate_every": 2, "validation_samples": 1, "checkpoint_every": 1},
            "optimiser": {"learning_rate": 1e-4}, "lengths": {"prompt": 16, "response": 32}, "config_sha256": "0",
        }  # fmt: skip
        return SFTSettings(**(fields | changes))

    return make
