"""Dynamic sampling: what is taken depends on results and submission, never on the order of arrival."""

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.engine  # imports verl


class Queue:
    """Stands for TransferQueue: groups of four rollouts that finish in an order of its own.

    Args:
        right: how many of a group's rollouts are right, by its number.
        order: in which groups finish; the next one at every look.
        failed: numbers of groups in which rollouts fail, with how many are left.
    """

    def __init__(self, right: Callable[[int], int], order: random.Random, failed: dict[int, int] | None = None) -> None:
        self.right, self.order, self.failed = right, order, failed or {}
        self.submitted, self.step = 0, 1
        self.groups: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        self.waves: list[int] = []
        self.chosen: list[tuple[list[str], Any]] = []

    def submit(self, number: int) -> int:
        self.waves.append(number)
        for _ in range(number):
            tag = {"is_prompt": True, "status": "running", "global_steps": self.step}
            self.groups[f"00000001-{self.submitted:012d}"] = tag
            self.submitted += 1
        return number

    def kv_list(self) -> dict[str, dict]:
        running = sorted(uid for uid, tag in self.groups.items() if tag["status"] == "running")
        if running:
            self._finish(self.order.choice(running))
        rows = list(self.rows)
        self.order.shuffle(rows)
        return {"train": self.groups | {key: {"status": "success"} for key in rows}}

    def _finish(self, uid: str) -> None:
        number = int(uid.split("-")[1])
        self.groups[uid] = self.groups[uid] | {"status": "failure" if number in self.failed else "finished"}
        for session in range(self.failed.get(number, 4)):
            right = session < self.right(number)
            self.rows[f"{uid}_{session}_0"] = {"reward_extra_info": {"acc": float(right)}, "name": (uid, session)}

    def kv_batch_get(self, keys: list[str], partition_id: str, select_fields: list[str]) -> dict[str, list]:
        return {"extra_fields": [self.rows[key] for key in keys]}

    def kv_clear(self, partition_id: str, keys: list[str]) -> None:
        for key in keys:
            self.groups.pop(key, None)
            self.rows.pop(key, None)


def taken(
    monkeypatch: pytest.MonkeyPatch, queue: Queue, batch: int = 4, limit: int = 100, step: int = 1, **changes: Any
) -> tuple[list[str], Any]:
    """The names of the groups that a step learns from, and the buffer; with ``changes`` the asynchronous trainer's."""
    from verl.trainer.ppo.v1 import replay_buffer as verls

    from eapo_verl.engine import replay_buffer as ours
    from eapo_verl.engine import rows

    monkeypatch.setattr(verls, "tq", queue)
    monkeypatch.setattr(rows, "transfer_queue", queue)
    monkeypatch.setattr(verls, "KVBatchMeta", SimpleNamespace)
    settings = {
        "poll_interval": 0.0, "filter_groups_metric": "acc", "train_batch_size": batch, "most_discarded": limit
    }  # fmt: skip
    verls_own = {"max_off_policy_threshold": None, "max_off_policy_strategy": "drop"} | changes
    buffer_class = ours.OverlappingReplayBuffer if changes else ours.OrderedReplayBuffer
    buffer = buffer_class(
        trainer_mode="sync", trainer_config=None, sampler_kwargs=settings, refill_fn=queue.submit, **verls_own
    )
    buffer.before_choice = lambda uids, waiting: queue.chosen.append((uids, waiting))
    queue.submit(batch)
    queue.step = step
    made, _ = buffer.sample(global_steps=step, partition_id="train", batch_size=batch)
    return sorted({key.split("_")[0] for key in made.keys}), buffer


def contrast(number: int) -> int:
    """Two in five groups have contrast."""
    return 2 if number % 5 in (1, 3) else 4 * (number % 2)


def test_the_same_groups_are_asked_for_and_taken_in_whatever_order_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for order in range(20):
        queue = Queue(contrast, random.Random(order))
        names, buffer = taken(monkeypatch, queue)
        without, surplus = buffer.collect()
        seen.append((names, queue.waves, without, surplus))
        assert not queue.rows.keys() - {key for key in queue.rows if key.split("_")[0] in names}
    assert all(one == seen[0] for one in seen)
    names, waves, without, surplus = seen[0]
    assert [int(name.split("-")[1]) for name in names] == [1, 3, 6, 8]
    # Groups 0 to 3 hold two with contrast, 4 to 7 one more, 8 and 9 the last one.
    assert waves == [4, 4, 2] and len(without) == 4 * 6 and surplus == []


def test_surplus_is_counted_apart_and_not_against_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first group has no contrast; of the two that replace it one is enough.
    queue = Queue(lambda number: 0 if number == 0 else 2, random.Random(1))
    names, buffer = taken(monkeypatch, queue, limit=1)
    without, surplus = buffer.collect()
    assert [int(name.split("-")[1]) for name in names] == [1, 2, 3, 4]
    assert {one["name"][0][-1] for one in without} == {"0"} and len(without) == 4
    assert {one["name"][0][-1] for one in surplus} == {"5"} and len(surplus) == 4
    assert buffer.collect() == ([], [])


def test_a_run_without_contrast_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    from eapo_verl.engine.replay_buffer import NoContrast

    with pytest.raises(NoContrast, match="12 groups were discarded for one step"):
        taken(monkeypatch, Queue(lambda number: 4, random.Random(1)), limit=8)


def test_a_group_in_which_rollouts_failed_is_judged_by_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    # Left of groups 0 to 3: two right ones; one rollout; nothing; three with contrast.
    queue = Queue(lambda number: 2, random.Random(1), failed={0: 2, 1: 1, 2: 0, 3: 3})
    names, _ = taken(monkeypatch, queue)
    assert [int(name.split("-")[1]) for name in names] == [3, 4, 5, 6]


def test_the_asynchronous_buffer_takes_what_is_there_and_counts_what_it_throws_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = Queue(contrast, random.Random(1), failed={3: 3, 6: 1})
    queue.submit(4)
    names, buffer = taken(monkeypatch, queue, max_off_policy_threshold=8, max_off_policy_strategy="wait")
    ((chosen, waiting),) = queue.chosen
    assert names == sorted(chosen) and waiting == queue.groups.keys() and len(names) == 4
    # Group 3, in which a rollout failed, has contrast; one rollout alone has nothing to differ from.
    assert all(contrast(int(name.split("-")[1])) == 2 and int(name.split("-")[1]) != 6 for name in names)
    without, surplus = buffer.collect()
    thrown = queue.submitted - len(names) - buffer.asked_for("train")
    assert surplus == [] and len({one["name"][0] for one in without}) == thrown == sum(queue.waves) - 8 > 0


def test_what_is_too_old_is_thrown_away_where_verl_is_to_drop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue(lambda number: 2, random.Random(1))
    names, buffer = taken(monkeypatch, queue, step=9, max_off_policy_threshold=8, max_off_policy_strategy="drop")
    without, surplus = buffer.collect()
    assert [int(name.split("-")[1]) for name in names] == [4, 5, 6, 7]
    assert without == [] and sorted({one["name"][0][-1] for one in surplus}) == ["0", "1", "2", "3"]
