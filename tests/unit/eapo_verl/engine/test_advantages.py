"""What the trainer does with verl's advantages, on rows in a dictionary."""

import statistics
from types import SimpleNamespace
from typing import Any

import pytest

from eapo_verl.method.objective import Parts
from eapo_verl.settings.method import Internalization, Reward

pytestmark = pytest.mark.engine  # imports verl


def fields(right: bool, consultations: int = 0, queries: int = 0, gated: int = 0, accepted: int = 0) -> dict[str, Any]:
    counts = {"consultations": consultations, "queries": queries, "gated": gated, "accepted": accepted}
    return {"reward_extra_info": {"acc": float(right)}, "consultation": counts | {"low_confidence": None}}


HELPED = {"consultations": 1, "queries": 1, "accepted": 1}
#: p: one of two is right, with help, and leaves an extra sample; its companion closed an empty consultation.
#: q: both are right with help, and leave extra samples that there is nothing to learn from; one is a little too long.
#: r: the others failed.
ROLLOUTS = {
    "p_0_0": fields(True, **HELPED),
    "p_0_1": fields(True, **HELPED),
    "p_1_0": fields(False, consultations=1),
    "q_0_0": fields(True, **HELPED),
    "q_0_1": fields(True, **HELPED),
    "q_1_0": fields(True, **HELPED),
    "q_1_1": fields(True, **HELPED),
    "r_0_0": fields(True, **HELPED),
    "r_0_1": fields(True, **HELPED),
    "pad_0_0": fields(True, **HELPED),
}
SCORES = {"p_0": 1.0, "p_1": 0.0, "q_0": 1.0, "q_1": 0.999, "r_0": 1.0, "pad_0": 0.0}


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """The rows after the step's advantages were made; bonus .3, cost .2, lambda .5."""
    import torch

    from eapo_verl.engine import trainer as module
    from eapo_verl.engine import trainers

    # A rollout's second token is an expert's; an extra sample has none.
    masks = {key: torch.tensor([1, 0, 1] if key.endswith("1") or key == "p_1_0" else [1, 1]) for key in ROLLOUTS}
    table: dict[str, dict[str, Any]] = {
        key: {
            "response_mask": mask if key != "pad_0_0" else mask * 0,
            "loss_mask": mask,
            "rm_scores": torch.tensor([0.0] * (len(mask) - 1) + [SCORES[key.rpartition("_")[0]]]),
        }
        for key, mask in masks.items()
    }

    def verls(self: Any, batch: Any, metrics: dict) -> Any:
        for prompt in "pqr":
            scores = [value for name, value in SCORES.items() if name.startswith(prompt + "_")]
            mean = statistics.fmean(scores) if len(scores) > 1 else 0.0
            deviation = statistics.stdev(scores) + 1e-6 if len(scores) > 1 else 1.0
            for key, row in table.items():
                if key.startswith(prompt + "_"):
                    made = (SCORES[key.rpartition("_")[0]] - mean) / deviation
                    row["advantages"] = row["response_mask"] * made
        return batch

    def get(partition_id: str, keys: list[str], *fields: str) -> list[list[Any]]:
        return [[table[key][field] for key in keys] for field in fields]

    def put(partition_id: str, keys: list[str], **fields: list[Any]) -> None:
        for field, values in fields.items():
            for key, value in zip(keys, values, strict=True):
                assert value.shape == table[key][field].shape
                table[key][field] = value

    monkeypatch.setattr(module.PPOTrainer, "_compute_advantage", verls)
    monkeypatch.setattr(module.rows, "get", get)
    monkeypatch.setattr(module.rows, "put", put)
    trainer = object.__new__(type("Trainer", trainers.MODES["sync"], {}))
    trainer._run = SimpleNamespace(
        reward=Reward(bonus={"peak": 0.3}, cost={"peak": 0.2}),
        internalization=Internalization(weight={"peak": 0.5}),
        budget=SimpleNamespace(steps=4),
        corrected=False,
    )
    trainer.global_steps, trainer._rollouts, trainer._summary = 2, ROLLOUTS, {}
    keys = list(ROLLOUTS)
    tags = [{"is_padding": key.startswith("pad")} for key in keys]
    trainer._compute_advantage(SimpleNamespace(keys=keys, tags=tags, partition_id="train"), {})
    return table | {"trainer": {"parts": trainer._parts, "summary": trainer._summary}}


def values(rows: dict, key: str) -> list[float]:
    return rows[key]["advantages"].tolist()


def test_bonus_and_cost_are_added_to_the_answers_advantage(rows: dict) -> None:
    # p is hard: the only unassisted rollout is wrong. Its empty consultation pays all the same.
    high = 0.5 / (statistics.stdev([1.0, 0.0]) + 1e-6)
    assert values(rows, "p_0_1") == pytest.approx([high + 0.25, 0.0, high + 0.25])
    assert values(rows, "p_1_0") == pytest.approx([-high - 0.25, 0.0, -high - 0.25])
    assert rows["trainer"]["parts"]["p_0_1"] == Parts(1.0, bonus=0.3)
    assert rows["trainer"]["parts"]["p_1_0"] == Parts(0.0, cost=0.2)
    assert set(rows["trainer"]["parts"]) == {"p_0_1", "p_1_0", "q_0_1", "q_1_1", "r_0_1"}


def test_where_all_pay_the_same_it_is_grpo(rows: dict) -> None:
    high = 0.0005 / (statistics.stdev([1.0, 0.999]) + 1e-6)
    assert values(rows, "q_0_1") == pytest.approx([high, 0.0, high], rel=1e-3)
    assert values(rows, "q_1_1") == pytest.approx([-high, 0.0, -high], rel=1e-3)


def test_an_extra_sample_has_its_answers_advantage_times_lambda_and_counts_in_no_mean(rows: dict) -> None:
    high = 0.5 / (statistics.stdev([1.0, 0.0]) + 1e-6)
    assert values(rows, "p_0_0") == pytest.approx([0.5 * high] * 2)
    assert rows["p_0_0"]["response_mask"].tolist() == [1, 1] and rows["p_0_0"]["loss_mask"].tolist() == [0, 0]


def test_an_extra_sample_of_weight_0_is_like_padding(rows: dict) -> None:
    for key in ("q_1_0", "r_0_0"):
        assert values(rows, key) == [0.0, 0.0]
        assert rows[key]["response_mask"].tolist() == rows[key]["loss_mask"].tolist() == [0, 0]
    assert rows["trainer"]["summary"]["internalized"] == 2


def test_a_rollout_that_is_alone_has_no_advantage(rows: dict) -> None:
    assert values(rows, "r_0_1") == [0.0, 0.0, 0.0]
