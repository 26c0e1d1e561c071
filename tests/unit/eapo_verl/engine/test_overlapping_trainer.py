"""What the asynchronous trainer asks for, and what it says of rollouts that were written in several steps."""

from types import SimpleNamespace
from typing import Any

import pytest

from eapo_verl.settings.method import Consultation

pytestmark = pytest.mark.engine  # imports verl

BUDGET = SimpleNamespace(steps=4, prompts_per_step=8, rollouts_per_prompt=2)


def trainer(step: int, under_way: int = 0, **consultation: Any) -> Any:
    from eapo_verl.engine import trainers

    made = object.__new__(type("Trainer", trainers.MODES["colocate_async"], {}))
    made._run = SimpleNamespace(budget=BUDGET, consultation=Consultation(**consultation), hint=None)
    made.global_steps, made._threshold, made.asked = step, -9.0, []
    made.replay_buffer = SimpleNamespace(asked_for=lambda partition_id: under_way)
    made._add_prompts_to_generate = made.asked.append
    return made


@pytest.mark.parametrize(
    ("step", "under_way", "asked"),
    [(1, 8, [8]), (3, 8, [8]), (4, 8, []), (4, 5, [3]), (2, 0, [8]), (4, 12, [])],
)
def test_no_more_prompts_are_asked_for_than_are_learned_from(step: int, under_way: int, asked: list[int]) -> None:
    made = trainer(step, under_way)
    made.prepare_step()
    assert made.asked == asked


def test_a_steps_line_says_what_held_where_its_rollouts_were_written() -> None:
    made = trainer(4, acceptance={"kind": "reciprocal"}, turns={"train": 3, "evaluation": 0})
    two = {"begun": 1, "steps": [1, 2, 4], "consultations": 2, "thresholds": [None, -1.0]}
    none = {"begun": 4, "steps": [4], "consultations": 0, "thresholds": []}
    told = made._in_force([{"consultation": two}, {"consultation": none}])
    # Two consultations, written in steps 1 and 2; rollouts that were asked for in steps 1 and 4.
    assert told == {
        "acceptance_rate": 0.75, "turn_budget": 1.5, "confidence_threshold": -1.0,
        "steps_behind": 1.25, "steps_behind_max": 3,
    }  # fmt: skip


def test_more_rollouts_than_verls_servers_take_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from eapo_verl.engine.trainer import EAPOTrainer
    from eapo_verl.settings.run import RunStopped

    monkeypatch.setattr(EAPOTrainer, "on_init_end", lambda self: None)
    made = trainer(1)
    made.config = SimpleNamespace(
        trainer=SimpleNamespace(v1=SimpleNamespace(colocate_async=SimpleNamespace(num_warmup_batches=1)))
    )
    replicas = [SimpleNamespace(max_concurrency=32)]
    made.llm_server_manager = SimpleNamespace(get_replicas=lambda: replicas)
    with pytest.raises(RunStopped, match=r"has 32 rollouts of 2 batches .* each of 1 rollout servers; allowed are 16"):
        made.on_init_end()
    replicas.append(replicas[0])
    made.on_init_end()
