"""A run that stalls on a real server which accepts and does not answer, and one that goes on."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from eapo_verl.engine import watch as module
from eapo_verl.engine.watch import GENERATION, Watch
from eapo_verl.experts.pool import ExpertPool
from eapo_verl.record.events import Stall
from eapo_verl.record.server_load import Load, ServerLoads, experts_servers
from eapo_verl.record.waits import Standing, Waits
from eapo_verl.settings.base import ExpertPoolSettings
from tests.expert_pool import endpoint
from tests.expert_server import ExpertServer
from tests.metrics_server import Server, page, says

NOBODY_TO_ASK = ServerLoads({})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_S", 0.01)


def wait_until(condition: Callable[[], object], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def asking(server: ExpertServer, waits: Waits, queries: int) -> Iterator[None]:
    """While a real pool, in a thread of its own, waits for the server's answers, one request at a time."""

    async def ask() -> None:
        expert = endpoint(server.base_url, "thinker", max_concurrency=queries - 1)
        async with ExpertPool([expert], settings=ExpertPoolSettings(deadline_s=20), waits=waits) as pool:
            await pool.ask(["slow 1"] * queries)

    thread = threading.Thread(target=lambda: asyncio.run(ask()))
    thread.start()
    try:
        wait_until(lambda: len(server.received) == queries - 1)
        yield
    finally:
        server.released.set()
        thread.join()


def test_a_run_that_waits_for_a_silent_expert_says_so_at_growing_intervals() -> None:
    waits = Waits()
    said: list[Stall] = []
    with ExpertServer() as expert, Server(says(page((0, 0, 0.0)))) as engine:
        pages = {"rollout_engine": [engine.base_url.removesuffix("/v1") + "/metrics"]}
        loads = ServerLoads(pages | experts_servers([endpoint(expert.base_url, "thinker")]))
        watch = Watch(0.2, loads, lambda: Standing(3, 64, waits.now()), said.append)
        with asking(expert, waits, queries=4), watch, watch.phase(GENERATION):
            watch.begun(7)
            wait_until(lambda: len(said) == 3)
        assert waits.now() == {}
    first = said[0]
    assert first.step == 7 and first.phase == GENERATION
    assert first.rollouts is not None and (first.rollouts.unfinished, first.rollouts.begun) == (3, 64)
    assert first.rollouts.waits["expert thinker"].waiting == 3
    assert first.rollouts.waits["a place among the 3 requests to expert thinker"].waiting == 1
    # The expert says nothing of its load, as it is no vLLM.
    assert first.servers == {"rollout_engine": Load(0, 0, 0.0)}
    after = [one.since_s for one in said]
    assert after[0] >= 0.2 and after[1] >= 0.4 and after[2] >= 0.8


def test_a_run_that_goes_on_says_nothing() -> None:
    said: list[Stall] = []
    with Watch(0.6, NOBODY_TO_ASK, lambda: None, said.append) as watch:
        for step in range(1, 17):
            watch.begun(step)
            time.sleep(0.05)
            watch.finished()
        assert said == []
        # And it is the last finished step that counts.
        wait_until(lambda: said)
    assert said[0].step == 16 and said[0].phase == "preparation" and said[0].rollouts is None


def test_a_phase_within_another_is_told_with_it_and_over_when_it_raises() -> None:
    said: list[Stall] = []
    with Watch(0.1, NOBODY_TO_ASK, Standing, said.append) as watch, watch.phase("validation"):
        with pytest.raises(KeyError), watch.phase("reward"):
            raise KeyError
        with watch.phase(GENERATION):
            wait_until(lambda: said)
    assert said[0].phase == "validation / generation"


def test_servers_are_asked_while_a_step_s_rollouts_are_written_and_not_all_the_time() -> None:
    with Server(says(page((2, 0, 0.5)))) as server:
        loads = ServerLoads(experts_servers([endpoint(server.base_url, "a")]))
        with Watch(60.0, loads, Standing, lambda stall: None) as watch:
            with watch.phase("validation"), watch.phase(GENERATION):
                time.sleep(0.1)
            assert server.asked == []
            with watch.phase(GENERATION):
                wait_until(lambda: server.asked)
                time.sleep(0.1)
    assert loads.take()["experts/a/queue_running"] == 2.0 and len(server.asked) == 1
