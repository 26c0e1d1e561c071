"""Which places solutions take in groups, and with what verl's loss finds them; on rows in a dictionary."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from eapo_verl.settings.method import Internalization, Reward
from eapo_verl.settings.solutions import OffPolicy

pytestmark = pytest.mark.engine  # imports verl

#: p: one of three is right; q: none is; r: none is, and there is no solution. Each solution came with a rollout.
RIGHT = {"p_0": False, "p_1": True, "p_2": False, "q_0": False, "q_1": False, "q_2": False, "r_0": False, "r_1": False}
SOLUTIONS = ("p_0_0", "q_0_0", "q_1_0")
PADDING = "pad_0_0"


def fields(rollout: str) -> dict[str, Any]:
    counts = dict.fromkeys(("consultations", "queries", "gated", "accepted"), 0) | {"low_confidence": None}
    return {"reward_extra_info": {"acc": float(RIGHT[rollout])}, "consultation": counts, "expert_reward": 1.0}


def rollout_key(name: str) -> str:
    return f"{name}_1" if f"{name}_0" in SOLUTIONS else f"{name}_0"


class Batch(SimpleNamespace):
    """As much of verl's as is asked of it."""

    def select_keys(self, keys: list[str]) -> "Batch":
        return batch_of(keys)

    def reorder(self, order: list[int]) -> None:
        self.keys = [self.keys[place] for place in order]
        self.tags = [self.tags[place] for place in order]

    def __len__(self) -> int:
        return len(self.keys)


def batch_of(keys: list[str]) -> Batch:
    return Batch(keys=keys, tags=[{"is_padding": key == PADDING, "seq_len": 5} for key in keys], partition_id="train")


def train(monkeypatch: pytest.MonkeyPatch, when: str) -> tuple[Any, Batch, dict[str, dict[str, Any]]]:
    """The trainer, its batch, and the rows after the step's advantages were made."""
    import torch

    from eapo_verl.engine import off_policy_trainer, trainers
    from eapo_verl.engine import trainer as module

    finals = {rollout_key(name): name for name in RIGHT}
    table: dict[str, dict[str, Any]] = {}
    for key, name in finals.items() | {(key, key.rpartition("_")[0]) for key in SOLUTIONS}:
        mask = torch.tensor([0, 0] if key in SOLUTIONS else [1, 1, 1])
        table[key] = {
            "response_mask": mask,
            "loss_mask": mask,
            # Of an extra row it is the rollout's own, too.
            "rm_scores": torch.tensor([0.0] * (len(mask) - 1) + [float(RIGHT[name])]),
            "old_log_probs": mask.float() - 1.0,
            "advantages": mask * 9.0,
            "extra_fields": fields(name),
        }

    def get(partition_id: str, keys: list[str], *names: str) -> list[list[Any]]:
        return [[table[key][name] for key in keys] for name in names]

    def put(partition_id: str, keys: list[str], **columns: list[Any]) -> None:
        for name, values in columns.items():
            for key, value in zip(keys, values, strict=True):
                assert value.shape == table[key][name].shape
                table[key][name] = value

    cleared: list[str] = []
    base = module.PPOTrainer
    monkeypatch.setattr(module.rows, "get", get)
    monkeypatch.setattr(module.rows, "put", put)
    monkeypatch.setattr(module.transfer_queue, "kv_clear", lambda keys, partition_id: cleared.extend(keys))
    monkeypatch.setattr(base, "_compute_advantage", lambda self, batch, metrics: batch)
    monkeypatch.setattr(base, "_balance_batch", lambda self, batch, metrics: batch_of([*batch.keys, PADDING]))
    trainer = object.__new__(type("Trainer", (off_policy_trainer.OffPolicyTrainer, *trainers.MODES["sync"]), {}))
    trainer._off_policy = OffPolicy(rows=2, when=when)
    trainer._run = SimpleNamespace(
        reward=Reward(), internalization=Internalization(), budget=SimpleNamespace(steps=4), corrected=False
    )
    trainer.global_steps, trainer._summary, trainer._mini_batches, trainer._ranks = 2, {}, 1, 1
    made = trainer._balance_batch(batch_of(list(table)), {})
    trainer._compute_advantage(made, {})
    assert set(cleared) == table.keys() - set(made.keys)
    return trainer, made, table


def test_in_every_group_a_solution_is_one_more_member(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, made, table = train(monkeypatch, "always")
    assert set(SOLUTIONS) <= set(made.keys)
    assert sorted(trainer._members(made)) == sorted([*map(rollout_key, RIGHT), *SOLUTIONS])
    # p: 1, 0, 0 and the solution's 1; q: 0, 0, 0 and 1, 1.
    assert table["p_0_1"]["advantages"].tolist() == [-0.5] * 3 and table["p_1_0"]["advantages"].tolist() == [0.5] * 3
    assert table["p_0_0"]["advantages"].tolist() == [0.5] * 2
    assert table["q_2_0"]["advantages"].tolist() == pytest.approx([-0.4] * 3)
    assert table["q_0_0"]["advantages"].tolist() == pytest.approx([0.6] * 2)
    for key in SOLUTIONS:
        assert table[key]["response_mask"].tolist() == table[key]["loss_mask"].tolist() == [1, 1]
        assert all(map(math.isnan, table[key]["old_log_probs"].tolist()))
    # A group without one is as it was.
    assert table["r_0_0"]["advantages"].tolist() == [9.0] * 3 and table["r_0_0"]["old_log_probs"].tolist() == [0.0] * 3
    counts = {"expert_rows": 3, "groups_helped": 2, "groups_failed": 2, "replaced_rollouts": 0}
    assert counts.items() <= trainer._summary.items() and trainer._summary["internalized"] == 0


def test_where_a_group_failed_solutions_take_the_places_of_rollouts(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, made, table = train(monkeypatch, "group_failed")
    assert "p_0_0" not in made.keys
    assert sorted(trainer._members(made)) == sorted([*map(rollout_key, set(RIGHT) - {"q_0", "q_1"}), "q_0_0", "q_1_0"])
    # One rollout is left of q, beside two solutions.
    assert table["q_2_0"]["advantages"].tolist() == pytest.approx([-2 / 3] * 3)
    assert table["q_0_0"]["advantages"].tolist() == pytest.approx([1 / 3] * 2)
    for key in ("q_0_1", "q_1_1"):
        assert table[key]["advantages"].tolist() == table[key]["loss_mask"].tolist() == [0.0] * 3
        # It is a rollout all the same: its tokens and its accuracy count.
        assert key in trainer._parts and not any(map(math.isnan, table[key]["old_log_probs"].tolist()))
    assert table["p_0_1"]["advantages"].tolist() == [9.0] * 3 and table["p_0_1"]["loss_mask"].tolist() == [1] * 3
    counts = {"expert_rows": 2, "groups_helped": 1, "groups_failed": 2, "replaced_rollouts": 2}
    assert counts.items() <= trainer._summary.items()
