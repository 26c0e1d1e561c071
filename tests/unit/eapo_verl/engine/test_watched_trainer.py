"""What the watched trainer adds to a step: its phases, its speed, and what experts did."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eapo_verl.record.events import read_events
from eapo_verl.record.server_load import ServerLoads
from eapo_verl.record.step_log import StepLog, read_steps
from eapo_verl.record.waits import Standing
from tests.expert_pool import NOBODY, endpoint

pytestmark = pytest.mark.engine  # imports verl

COLUMNS = {"policy_tokens": 40, "policy_prompt_tokens": 10, "expert_tokens": 14, "reward_mean": 0.5}


def trainer(folder: Path, peak: float | None) -> Any:
    from eapo_verl.engine.watch import Watch
    from eapo_verl.engine.watched_trainer import WatchedTrainer

    made: Any = object.__new__(type("Trainer", (WatchedTrainer,), {"__abstractmethods__": frozenset()}))
    made._run = SimpleNamespace(experts=(endpoint(NOBODY, "a"),), method="eapo", seed=1)
    made.config = SimpleNamespace(trainer=SimpleNamespace(default_local_dir=str(folder)))
    made._summary, made._parameters, made._peak = dict(COLUMNS), 1000, peak
    # As a request comes out of verl's queue.
    made._paid = [{"consultation": {"requests": [["a", 7, 11, 0.0, 2.0]] * 2}}, {"consultation": {"requests": []}}]
    made._step_log = StepLog(folder / "metrics.jsonl", "eapo seed 1", total_steps=1, first_step=1)
    made._watch = Watch(60.0, ServerLoads({}), Standing, made._say_stall)
    return made


@pytest.mark.parametrize("peak", [1e6, None])
def test_a_step_s_line_has_what_the_watching_tells(
    peak: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    def verls(self: Any, batch: Any, metrics: dict, timing_raw: dict, global_steps: int, epoch: int) -> None:
        metrics |= {"timing_s/step": timing_raw["step"]}

    monkeypatch.setattr(PPOTrainer, "_compute_metrics", verls)
    made, metrics = trainer(tmp_path, peak), {"perf/mfu/actor": 0.25}
    batch = SimpleNamespace(keys=[], tags=[], select_keys=lambda keys: None)
    made._compute_metrics(batch, metrics, {"step": 2.0}, global_steps=1, epoch=0)
    # What verl's loggers take.
    assert all(isinstance(value, int | float) for value in metrics.values())
    made._step_log.log(metrics, 1)
    (line,) = read_steps(tmp_path / "metrics.jsonl")
    assert line["experts/a/requests"] == 2 and line["experts/a/latency_p95_s"] == 2.0
    assert sum(line["expert_latencies"]["a"].values()) == 2 and line["policy_tokens_per_s"] == 20.0
    # On a processor nothing is known of, neither verl's number nor ours is there.
    known = {"mfu": 1000 * 2 * 50 / 2e6, "mfu_update": 0.25} if peak else {"mfu": None, "mfu_update": None}
    assert {name: line[name] for name in known} == known and ("perf/mfu/actor" in metrics) == (peak is not None)


def test_each_hook_of_verls_is_a_phase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    from eapo_verl.engine import watched_trainer
    from eapo_verl.engine.trainer import EAPOTrainer

    made, seen = trainer(tmp_path, None), {}
    for hook in watched_trainer._PHASES:
        # verl has it still.
        assert callable(getattr(PPOTrainer, hook))
        monkeypatch.setattr(
            EAPOTrainer, hook, lambda self, name: seen.update({name: self._watch._phases[-1][0]}), raising=False
        )
        getattr(made, hook)(hook)
    assert seen == watched_trainer._PHASES and made._watch._phases == ()


@pytest.mark.parametrize("mode", ["sync", "colocate_async"])
@pytest.mark.parametrize("off_policy", [None, "some"])
def test_every_trainer_is_watched_before_all_else(mode: str, off_policy: str | None) -> None:
    from eapo_verl.engine import trainers
    from eapo_verl.engine.watched_trainer import WatchedTrainer

    run: Any = SimpleNamespace(trainer=mode, off_policy=off_policy)
    made = type("RunTrainer", trainers.bases(run), {})
    assert made.__mro__[1] is WatchedTrainer and not made.__abstractmethods__


def test_a_stall_is_an_event_and_a_line_that_the_workflow_shows(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    made = trainer(tmp_path, None)
    made._watch.begun(3)
    made._say_stall(made._watch._stall())
    (event,) = read_events(tmp_path / "events.jsonl")
    assert event["step"] == 3 and json.dumps(event)
    assert capsys.readouterr().out.startswith(
        "progress: eapo seed 1: stalled: no step finished for 0 s; step 3 has been"
    )


def node(*resources: str, alive: bool = True) -> dict[str, Any]:
    return {"Alive": alive, "Resources": dict.fromkeys(("CPU", *resources), 1.0)}


@pytest.mark.parametrize(
    ("nodes", "peak"),
    [
        ([node("accelerator_type:H100"), node("accelerator_type:H100")], 989e12),
        ([node("accelerator_type:A100", "GPU")], 312e12),
        ([node("accelerator_type:GeForce-RTX-3070-Ti")], 21.75e12),
        # A processor; an accelerator that verl's table does not have; two kinds; and one that is lost.
        ([node()], None),
        ([node("accelerator_type:T4")], None),
        ([node("accelerator_type:H100"), node("accelerator_type:A100")], None),
        ([node("accelerator_type:H100"), node("accelerator_type:A100", alive=False)], 989e12),
    ],
)
def test_the_peak_is_verls_number_or_none(nodes: list[dict[str, Any]], peak: float | None) -> None:
    from eapo_verl.engine.watched_trainer import peak_flops

    assert peak_flops(nodes) == peak
