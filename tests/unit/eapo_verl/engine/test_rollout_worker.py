"""An agent worker: a group's rows are put as one, and its rollouts that raise are counted."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from eapo_verl.record.waits import Standing, Wait, Waits

pytestmark = pytest.mark.engine  # imports verl

ABOUT = {"uid": "p", "global_steps": 3, "data_source": "train", "reward_model": {"ground_truth": "1"}}


class Loop:
    """Stands for the agent loop: fails on every other rollout; the third has an extra row before its own."""

    def __init__(self) -> None:
        self.plan = SimpleNamespace(waits=Waits())

    async def run(self, sampling_params: dict[str, Any], session_id: int, **kwargs: Any) -> Any:
        if session_id % 2:
            raise ValueError(f"no room\nfor {session_id}")
        final = output([5] * (session_id + 1), reward=1.0)
        return [output([6]), final] if session_id == 2 else final


def output(response: list[int], reward: float | None = None) -> Any:
    from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput

    made = AgentLoopOutput(
        prompt_ids=[1, 2], response_ids=response, response_mask=[1] * len(response), metrics=AgentLoopMetrics()
    )
    if reward is not None:
        made.reward_score, made.extra_fields["reward_extra_info"] = reward, {"acc": 1.0}
    return made


def roll_out(monkeypatch: pytest.MonkeyPatch, put: Any) -> tuple[list[Any], list[str]]:
    """What became of each of five rollouts of a prompt, and the errors that were kept."""
    from eapo_verl.engine import rollout_worker

    monkeypatch.setattr(rollout_worker.transfer_queue, "async_kv_batch_put", put)
    worker = object.__new__(rollout_worker.RolloutWorker)
    worker._loops, worker._errors, worker._groups = {"consulting": Loop()}, [], {"p": rollout_worker.Group(5)}
    monkeypatch.setattr(worker, "_compute_teacher_logprobs", nothing)

    async def rollouts() -> list[Any]:
        made = [
            worker._run_agent_loop(
                {}, {"validate": False}, agent_name="consulting", session_id=number, trace=False, problem="?", **ABOUT
            )
            for number in range(5)
        ]
        return await asyncio.gather(*made, return_exceptions=True)

    ended = asyncio.run(rollouts())
    assert worker._groups == {}
    assert worker.take_errors("val", set()) == worker.take_errors("train", {"p"}) == []
    errors = worker.take_errors("train", {"q"})
    assert worker.take_errors("train", set()) == []
    return [type(one) for one in ended], errors


async def nothing(*args: Any, **kwargs: Any) -> None:
    return None


def test_a_groups_rows_are_put_as_one_beside_rollouts_that_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    async def put(**call: Any) -> None:
        calls.append(call)

    ended, errors = roll_out(monkeypatch, put)
    assert ended == [type(None), ValueError, type(None), ValueError, type(None)]
    assert sorted(errors) == ["ValueError: no room for 1", "ValueError: no room for 3"]
    (call,) = calls
    assert call["keys"] == ["p_0_0", "p_2_0", "p_2_1", "p_4_0"] and call["partition_id"] == "train"
    assert [tag["seq_len"] for tag in call["tags"]] == [3, 3, 5, 7]
    assert {tag["global_steps"] for tag in call["tags"]} == {3}
    rows = call["fields"]
    assert rows["input_ids"].unbind()[2].tolist() == [1, 2, 5, 5, 5]
    assert rows["position_ids"].unbind()[0].tolist() == [0, 1, 2]
    # The extra row is the rollout's, and has its reward.
    assert [float(row.sum()) for row in rows["rm_scores"].unbind()] == [1.0] * 4
    assert list(rows["uid"]) == ["p"] * 4 and "problem" not in rows.keys()  # noqa: SIM118 (a TensorDict)


def test_rows_that_cannot_be_put_are_an_error_of_the_rollout_that_put_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async def put(**call: Any) -> None:
        raise OSError("queue is gone")

    ended, errors = roll_out(monkeypatch, put)
    assert ended == [type(None), ValueError, type(None), ValueError, OSError]
    assert sorted(errors) == ["OSError: queue is gone", "ValueError: no room for 1", "ValueError: no room for 3"]


def test_a_worker_says_how_many_rollouts_are_unfinished_and_whom_they_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from eapo_verl.engine import rollout_worker

    loop = Loop()
    worker = object.__new__(rollout_worker.RolloutWorker)
    worker._loops, worker._errors, worker._groups, worker._begun = {"consulting": loop}, [], {}, 0
    worker._thresholds = {}
    worker.config = SimpleNamespace(
        actor_rollout_ref=SimpleNamespace(rollout=SimpleNamespace(n=4, val_kwargs=SimpleNamespace(n=2)))
    )
    verls = rollout_worker.RolloutWorker.__mro__[1]
    monkeypatch.setattr(verls, "_run_prompt", nothing)
    monkeypatch.setattr(rollout_worker.transfer_queue, "async_kv_batch_put", nothing)

    async def prompts(*uids: str) -> None:
        for uid in uids:
            await worker._run_prompt({"uid": uid}, {}, {"validate": False})

    asyncio.run(prompts("p", "q"))
    with loop.plan.waits.on("expert a"):
        asyncio.run(worker._hand_over("p", "train"))
        told = worker.standing()
    assert told == Standing(7, 8, {"expert a": Wait(1, told.waits["expert a"].longest_s)})
    # In the next step those count that are under way, and what is begun after all have ended is counted anew.
    worker.announce(2, None)
    assert worker.standing() == Standing(7, 7, {})
    for uid in "pppqqqq":
        asyncio.run(worker._hand_over(uid, "train"))
    asyncio.run(prompts("r"))
    assert worker.standing() == Standing(4, 4, {})
