"""The proxy that injects faults, before the local server; integration tests put it before a real engine."""

import asyncio
from collections import Counter

from eapo_verl.experts.pool import ExpertPool
from eapo_verl.experts.preflight import preflight
from eapo_verl.experts.reply import Reply
from eapo_verl.settings.base import Endpoint, ExpertPoolSettings
from tests.expert_server import ExpertServer
from tests.fault_proxy import KINDS, FaultProxy
from tests.fuzz.behaviours import Behaviour, behaviours


def ask(base_url: str, asked: int, retries: int, timeout_s: float = 2.0) -> list[Reply]:
    expert = Endpoint(name="a", base_url=base_url, model="m", timeout_s=timeout_s, retries=retries)
    preflight([expert])
    limits = ExpertPoolSettings(deadline_s=60.0, backoff_s=0.02, breaker_threshold=1000)

    async def run() -> list[Reply]:
        async with ExpertPool([expert], settings=limits) as pool:
            return await pool.ask([f"echo {number}" for number in range(asked)])

    return asyncio.run(run())


def test_without_faults_everything_passes() -> None:
    with ExpertServer() as server, FaultProxy(server.base_url, rate=0.0) as proxy:
        assert [reply.text for reply in ask(proxy.base_url, 5, retries=0)] == list("01234")
        assert proxy.forwarded == 5 and not proxy.injected


def test_every_fault_is_counted_and_is_what_the_pool_sees() -> None:
    with ExpertServer() as server, FaultProxy(server.base_url, rate=1.0, seed=3) as proxy:
        replies = ask(proxy.base_url, 40, retries=0)
        assert not server.received
    assert set(proxy.injected) == set(KINDS) and proxy.injected.total() == 40
    assert Counter(reply.outcome for reply in replies) == proxy.outcomes
    assert proxy.outcomes["timed_out"] == proxy.injected["hang"]
    assert {reply.outcome for reply in replies} == {"timed_out", "failed"}
    assert {reply.detail for reply in replies} == {
        "request timeout", "connection failed", "HTTP 500", "HTTP 429", "not a completion",
    }  # fmt: skip


def test_hostile_behaviours_are_faults_like_others() -> None:
    hostile = [one for one in behaviours() if one.outcome[0] != "timed_out"]
    with ExpertServer() as server, FaultProxy(server.base_url, rate=0.8, seed=5, hostile=hostile) as proxy:
        replies = ask(proxy.base_url, 100, retries=0, timeout_s=6.0)
    assert proxy.injected.total() + proxy.forwarded == 100 and len({*proxy.injected} - {*KINDS}) > 30
    proxy.outcomes["answered"] += proxy.forwarded
    assert Counter(reply.outcome for reply in replies) == proxy.outcomes


def test_a_share_of_faults_costs_no_reply_where_there_are_retries() -> None:
    with ExpertServer() as server, FaultProxy(server.base_url, rate=0.3, seed=1) as proxy:
        replies = ask(proxy.base_url, 40, retries=6)
        injected = proxy.injected.total()
    assert [reply.text for reply in replies] == [str(number) for number in range(40)]
    assert injected > 5 and sum(reply.attempts for reply in replies) == 40 + injected


def test_the_faults_depend_on_the_seed() -> None:
    def drawn(seed: int) -> list[str | Behaviour | None]:
        with FaultProxy("http://127.0.0.1:9/v1", rate=0.5, seed=seed) as proxy:
            return [proxy.draw() for _ in range(50)]

    assert drawn(1) == drawn(1) != drawn(2)
