"""Training on real engines whose rollouts go on while the policy learns, and are gone on with after a kill."""

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from eapo_verl.experts.reply import FATES
from tests.expert_server import ExpertServer
from tests.integration.checkout import environment, in_checkout, settings
from tests.survivors import trainer_below

pytestmark = [pytest.mark.engine, pytest.mark.arm]
STEPS, PROMPTS, ROLLOUTS = 4, 8, 4


def test_rollouts_go_on_while_the_policy_learns(checkout: Path, tmp_path: Path) -> None:
    budget = {"steps": STEPS, "validate_every": STEPS, "checkpoint_every": 2}
    consultation = {
        "trigger": "always", "query_prompt": "echo {query}", "acceptance": {"kind": "constant", "start": 1.0},
        "turns": {"train": 1, "evaluation": 1},
    }  # fmt: skip
    with ExpertServer("late") as server:
        command = settings(checkout, tmp_path, "eapo", budget=budget, consultation=consultation)
        run = yaml.safe_load((tmp_path / "settings.yaml").read_text())
        run["experts"][0] |= {"base_url": server.base_url, "model": "m"}
        (tmp_path / "settings.yaml").write_text(yaml.safe_dump(run | {"trainer": "colocate_async"}))
        wrapped = [sys.executable, "-m", "workflow.logged", str(tmp_path / "first.log"), "--", *command]
        with subprocess.Popen(wrapped, cwd=checkout, env=environment(checkout)) as process:
            while '"step": 3' not in "".join(path.read_text() for path in tmp_path.glob("checkpoints/*/metrics.jsonl")):
                assert process.poll() is None, (tmp_path / "first.log").read_text()[-6000:]
                time.sleep(0.05)
            trainer_below(psutil.Process(process.pid)).kill()
        finished = in_checkout(checkout, *command)
    assert finished.returncode == 0, finished.stdout[-6000:]
    assert "resuming from step 2" in finished.stdout

    made = json.loads((tmp_path / "run" / "run.json").read_text())
    _, *steps = map(json.loads, (tmp_path / "run" / "metrics.jsonl").open())
    assert [one["step"] for one in steps] == [1, 2, 3, 4]
    assert [one["rollouts"] for one in steps] == [PROMPTS * ROLLOUTS] * STEPS and made["failed_rollouts"] == 0
    # A batch ahead, across the kill too, and at the end nothing is under way that nobody learns from.
    assert sum(one["prompts_seen"] for one in steps) == STEPS * PROMPTS
    assert steps[0]["prompts_seen"] == 2 * PROMPTS and steps[-1]["prompts_seen"] == 0
    assert steps[0]["steps_behind"] == 0 < steps[1]["steps_behind"] <= steps[1]["steps_behind_max"]
    for one in steps:
        assert one["queries"] == sum(one[name] for name in FATES) > 0
        assert one["acceptance_rate"] == 1.0 and 0.0 <= one["grad_norm"] < 100.0
    # An expert that repeats the question may leave a step without a right rollout.
    assert any(one["grad_norm"] > 0.0 for one in steps)
    with gzip.open(tmp_path / "run" / "rollouts.jsonl.gz", "rt") as file:
        rows = [row for row in map(json.loads, file) if row["phase"] == "train"]
    assert len(rows) == STEPS * ROLLOUTS
    assert all(turn.get("step", 0) < row["step"] for row in rows for turn in row["turns"])
    assert any("step" in turn for row in rows for turn in row["turns"])
