"""Queries whose reply would not be shown, sent and spared: the same training, for fewer requests."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from eapo_verl.experts.reply import FATES
from tests.expert_server import ExpertServer
from tests.integration.checkout import in_checkout, settings

pytestmark = pytest.mark.engine

# What sparing a query changes: its fate, and what it costs.
DIFFERENT = {"annealed", "spared", "answered", "expert_requests", "expert_tokens", "expert_prompt_tokens"}
# How long it took, how busy servers were, and what each expert was asked: the beginnings of columns.
WATCHED = (
    "seconds",
    "policy_tokens_per_s",
    "expert_tokens_per_s",
    "expert_latencies",
    "experts/",
    "rollout_engine/",
    "server_load",
)


def train(
    python: str, checkout: Path, folder: Path, ask: str
) -> tuple[dict[str, Any], list[dict[str, Any]], Counter[bytes]]:
    """``run.json``, the lines of ``metrics.jsonl`` and the requests of a run of two steps."""
    folder.mkdir()
    command = settings(
        checkout,
        folder,
        "eapo",
        python,
        budget={"steps": 2, "validate_every": 2, "checkpoint_every": 2},
        consultation={
            "trigger": "learned",
            "acceptance": {"kind": "constant", "start": 0.5},
            "turns": {"train": 2, "evaluation": 2},
            # The expert's kind of reply, and its text: a query is answered with itself, whoever else asks.
            "query_prompt": "echo {query}",
            "pool": {"ask": ask},
        },
    )
    run = yaml.safe_load((folder / "settings.yaml").read_text())
    with ExpertServer() as expert:
        run["experts"][0] |= {"base_url": expert.base_url, "model": "m"}
        (folder / "settings.yaml").write_text(yaml.safe_dump(run))
        finished = in_checkout(checkout, *command)
        assert finished.returncode == 0, finished.stdout[-6000:]
        requests = Counter(request[request.index(b'{"model"') :] for request in expert.received)
    steps = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").open()]
    return json.loads((folder / "run" / "run.json").read_text()), steps, requests


def test_sparing_what_would_not_be_shown_changes_nothing_but_the_cost(
    python: str, checkout: Path, tmp_path: Path
) -> None:
    whole, whole_steps, every_request = train(python, checkout, tmp_path / "always", "always")
    lean, lean_steps, requests = train(python, checkout, tmp_path / "when_accepted", "when_accepted")
    for run, steps in ((whole, whole_steps), (lean, lean_steps)):
        assert run["consultations"]["asked"] == sum(run["consultations"][fate] for fate in FATES) > 0
        assert all(step["queries"] == sum(step[fate] for fate in FATES) for step in steps[1:])
    for full, spare in zip(whole_steps, lean_steps, strict=True):
        for name in {name for name in full.keys() - DIFFERENT if not name.startswith(WATCHED)}:
            # A count is the same; a mean of log-probabilities is so up to how the engine batched its requests.
            rounded = isinstance(full[name], float)
            expected = pytest.approx(full[name], rel=1e-3, abs=1e-6) if rounded else full[name]
            assert spare[name] == expected, (full["step"], name)
    assert whole["consultations"]["spared"] == lean["consultations"]["annealed"] == 0
    assert whole["consultations"]["annealed"] == lean["consultations"]["spared"] > 0
    assert whole["consultations"]["accepted"] == lean["consultations"]["accepted"] > 0
    # Every request that is left is one of the other run's: same query, same seed.
    assert requests <= every_request
    assert requests.total() == lean["expert_requests"] == lean["consultations"]["accepted"]
    assert every_request.total() == whole["expert_requests"] == whole["consultations"]["asked"]
