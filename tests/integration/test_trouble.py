"""Training with a real expert through what goes wrong: faults on the way to the expert, and a killed trainer."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from analysis.intake.transcripts import read_transcripts
from eapo_verl.experts.reply import FATES
from tests.fault_proxy import KINDS, FaultProxy
from tests.fuzz.behaviours import behaviours
from tests.integration.checkout import environment, in_checkout, settings
from tests.survivors import trainer_below

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def expert(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The endpoints file of the smoke experiment's expert, served by vLLM."""
    folder = tmp_path_factory.mktemp("expert")
    endpoints = folder / "endpoints.json"
    service = [sys.executable, "-m", "workflow.expert_service"]
    spec = f"expert_a={checkout / 'results/smoke/models/expert_a'}:64"
    lease = [*service, "lease", "--services", str(folder), "--endpoints", str(endpoints), "--log-dir", str(folder)]
    command = [*lease, "--expert", spec, "--", *service, "wait", "--", "sh", "-c", "echo up; exec sleep 3600"]
    with subprocess.Popen(
        command, cwd=checkout, env=environment(checkout), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        yield endpoints
        process.terminate()


def ask_through(proxy: FaultProxy, folder: Path) -> None:
    """Let the run in ``folder`` ask its expert through the proxy, once and for ten seconds at most."""
    run = yaml.safe_load((folder / "settings.yaml").read_text())
    run["experts"][0] |= {"base_url": proxy.base_url, "model": "expert_a", "timeout_s": 10.0, "retries": 0}
    (folder / "settings.yaml").write_text(yaml.safe_dump(run))


def test_every_reply_is_accounted_for_whatever_happens_on_its_way(
    python: str, checkout: Path, expert: Path, tmp_path: Path
) -> None:
    """With every part of the method and of DAPO on: entropy gate, dynamic sampling, length penalty, KL loss.

    What goes wrong is what a network does, and all that a hostile server does.
    """
    target = json.loads(expert.read_text())["expert_a"]["base_url"]
    pool = {"deadline_s": 13.0, "backoff_s": 0.05, "breaker_threshold": 1000, "failure_window": 1000}
    command = settings(
        checkout,
        tmp_path,
        "eapo",
        python,
        budget={"steps": 3, "validate_every": 3, "checkpoint_every": 3},
        optimiser={
            "dynamic_sampling": True,
            "dynamic_sampling_batches": 40,
            "overlong": {"buffer": 0.2, "penalty": 0.5},
            "kl_coefficient": 1e-3,
        },
        consultation={
            "acceptance": {"kind": "constant", "start": 0.7},
            "confidence": {"signal": "entropy", "window": 8, "quantile": 0.8},
            "turns": {"train": 2, "evaluation": 2},
            "pool": pool,
        },
    )
    with FaultProxy(target, rate=0.4, seed=1, hang_s=30, hostile=behaviours()) as proxy:
        ask_through(proxy, tmp_path)
        finished = in_checkout(checkout, *command)
        assert finished.returncode == 0, finished.stdout[-6000:]
        made = json.loads((tmp_path / "run" / "run.json").read_text())
    steps = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert [step["step"] for step in steps] == [0, 1, 2, 3]
    counts = made["consultations"]
    assert counts["asked"] == sum(counts[name] for name in FATES) > 0
    for step in steps[1:]:
        assert step["queries"] == sum(step[name] for name in FATES)
    assert counts["accepted"] > 0 < counts["spared"] and counts["gated"] > 0
    # Each fault is its outcome; the expert itself may truncate, too.
    assert {*proxy.injected} - {*KINDS} and (counts["failed"], counts["timed_out"]) == (
        proxy.outcomes["failed"], proxy.outcomes["timed_out"],
    )  # fmt: skip
    assert counts["truncated"] >= proxy.outcomes["truncated"]
    # Every request that the run says it made came by, and no rollout was lost.
    assert made["expert_requests"] == proxy.injected.total() + proxy.forwarded
    assert made["failed_rollouts"] == made["failed_validation_rollouts"] == 0
    # Every group that was learned from has contrast.
    assert all(0 < step["accuracy_train"] < 1 for step in steps[1:])


def test_a_run_whose_experts_fail_stops_with_one_line_and_keeps_its_checkpoint(
    python: str, checkout: Path, expert: Path, tmp_path: Path
) -> None:
    target = json.loads(expert.read_text())["expert_a"]["base_url"]
    command = settings(
        checkout,
        tmp_path,
        "eapo",
        python,
        budget={"checkpoint_every": 1},
        consultation={"pool": {"failure_window": 4, "failure_limit": 0.5}},
    )
    with FaultProxy(target, rate=1.0, hang_s=30) as proxy:
        ask_through(proxy, tmp_path)
        finished = in_checkout(checkout, *command)
    assert finished.returncode == 3, finished.stdout[-6000:]
    (said,) = [line for line in finished.stdout.splitlines() if line.startswith("train: ")]
    assert "experts unavailable: 100% of the last replies" in said and "checkpoint is kept" in said
    (kept,) = (tmp_path / "checkpoints").glob("*/latest_checkpointed_iteration.txt")
    steps = [json.loads(line)["step"] for line in (kept.parent / "metrics.jsonl").open()]
    assert kept.read_text() == str(steps[-1]) and not (tmp_path / "run" / "run.json").exists()


def _wait_for_step(step: int, folder: Path, process: subprocess.Popen[str]) -> None:
    while f'"step": {step}' not in "".join(path.read_text() for path in folder.glob("checkpoints/*/metrics.jsonl")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)


def test_a_killed_run_goes_on_from_its_checkpoint_as_if_nothing_had_been(
    python: str, checkout: Path, expert: Path, tmp_path: Path
) -> None:
    command = [*settings(checkout, tmp_path, "eapo"), "--endpoints", str(expert)]
    wrapped = [sys.executable, "-m", "workflow.logged", str(tmp_path / "first.log"), "--", *command]
    uninterrupted = checkout / "results/smoke/runs/eapo/seed1"
    with subprocess.Popen(
        wrapped, cwd=checkout, env=environment(checkout), stderr=subprocess.PIPE, text=True
    ) as process:
        _wait_for_step(1, tmp_path, process)
        # Looked up before it is to be killed: the next checkpoint may be a few tenths of a second away.
        trainer = trainer_below(psutil.Process(process.pid))
        _wait_for_step(3, tmp_path, process)
        trainer.kill()
        message = process.communicate()[1]
    assert process.returncode == 137 and "first.log" in message
    assert not (tmp_path / "run" / "run.json").exists()
    # As if it had been killed while verl wrote this file, which it empties first.
    (tracker,) = tmp_path.glob("checkpoints/*/latest_checkpointed_iteration.txt")
    tracker.write_text("")

    finished = in_checkout(checkout, python, *command[1:])
    assert finished.returncode == 0, finished.stdout[-6000:]
    assert "resuming from step 2" in finished.stdout
    made = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    wanted = [json.loads(line) for line in (uninterrupted / "metrics.jsonl").open()]
    for name in ("step", "acceptance_rate", "turn_budget", "rollouts"):
        assert [step.get(name) for step in made] == [step.get(name) for step in wanted]
    # The threshold after the first checkpoint is part of it.
    assert made[3]["confidence_threshold"] == pytest.approx(wanted[3]["confidence_threshold"], abs=1e-3)
    attempts = json.loads((tmp_path / "run" / "run.json").read_text())["attempts"]
    assert [one["resumed_from_step"] for one in attempts] == [0, 2]
    told = [list(read_transcripts(folder / "rollouts.jsonl.gz")) for folder in (tmp_path / "run", uninterrupted)]
    # No step is told twice, and none is missing.
    names = [[(one.step, one.phase, one.prompt, one.rollout) for one in run] for run in told]
    assert names[0] == names[1] and len(set(names[0])) == len(names[0])
    first = [[one for one in run if one.step <= 2] for run in told]
    # What is measured of a token differs a little between batches of few rows and of many, which are a matter of time.
    measured = [[turn.confidence for one in run for turn in one.turns] for run in first]
    assert measured[0] == [None if each is None else pytest.approx(each, abs=1e-3) for each in measured[1]]
    said = [
        [one._replace(turns=tuple(turn._replace(confidence=None) for turn in one.turns)) for one in run]
        for run in first
    ]
    assert said[0] == said[1]
