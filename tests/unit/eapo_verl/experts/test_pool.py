"""The expert pool against a real HTTP server: whom it asks, when it gives up, and what it never sends."""

import asyncio
import inspect
import logging
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.experts.client import Attempt
from eapo_verl.experts.pool import ExpertPool, build_messages, draw_order
from eapo_verl.experts.reply import Reply
from eapo_verl.settings.base import Endpoint, ExpertPoolSettings
from tests.expert_server import ExpertServer

NOBODY = "http://127.0.0.1:9/v1"


def endpoint(base_url: str, name: str = "a", **fields: object) -> Endpoint:
    return Endpoint(name=name, base_url=base_url, model="m", **({"timeout_s": 8.0, "retries": 0} | fields))


def ask(endpoints: list[Endpoint], queries: list[str], seed: int = 5, **settings: object) -> list[Reply]:
    limits = ExpertPoolSettings(**({"deadline_s": 10.0, "backoff_s": 0.02} | settings))

    async def run() -> list[Reply]:
        async with ExpertPool(endpoints, settings=limits) as pool:
            return await pool.ask(queries, "the problem", seed)

    return asyncio.run(run())


def first_asked(endpoints: list[Endpoint], seed: int) -> str:
    return draw_order(endpoints, seed)[0].name


def seed_with_first(endpoints: list[Endpoint], name: str) -> int:
    return next(seed for seed in range(100) if first_asked(endpoints, seed) == name)


def test_replies_come_back_in_order_with_what_they_cost(server: ExpertServer) -> None:
    priced = endpoint(server.base_url, price_per_million_input=2.0, price_per_million_output=10.0, parameters=1000)
    replies = ask([priced], ["echo 1", "echo 2", "echo 3"])
    assert [(reply.outcome, reply.text, reply.expert) for reply in replies] == [
        ("answered", "1", "a"), ("answered", "2", "a"), ("answered", "3", "a"),
    ]  # fmt: skip
    first = replies[0]
    assert (first.tokens, first.prompt_tokens, first.attempts, first.cached, first.detail) == (7, 11, 1, False, "")
    assert first.cost == pytest.approx((11 * 2 + 7 * 10) / 1e6)
    assert first.flops == 2 * 1000 * (11 + 7)


def test_the_shortest_call_is_enough(server: ExpertServer) -> None:
    async def run() -> list[Reply]:
        async with ExpertPool([endpoint(server.base_url)]) as pool:
            assert await pool.ask([]) == []
            return await pool.ask(["echo 1"])

    assert [reply.text for reply in asyncio.run(run())] == ["1"]


weights = st.lists(st.floats(0.01, 100), min_size=1, max_size=6)


@given(weights, st.integers(0, 2**31))
def test_the_order_is_a_permutation_that_depends_on_seed_and_weights_alone(shares: list[float], seed: int) -> None:
    group = [endpoint(NOBODY, f"e{index}", weight=share) for index, share in enumerate(shares)]
    order = draw_order(group, seed)
    assert sorted(each.name for each in order) == [each.name for each in group]
    assert draw_order(group[::-1], seed) == order


def test_weights_are_shares_of_the_first_choice() -> None:
    group = [endpoint(NOBODY, "heavy", weight=3.0), endpoint(NOBODY, "light")]
    asked = Counter(first_asked(group, seed) for seed in range(2000))
    assert asked["heavy"] / 2000 == pytest.approx(0.75, abs=0.04)


@pytest.mark.parametrize("mode", ["parallel", "sequential"])
def test_queries_go_to_different_experts_whatever_order_they_arrive_in(server: ExpertServer, mode: str) -> None:
    group = [endpoint(server.base_url, name) for name in "abcd"]
    expected = [each.name for each in draw_order(group, 5)]
    for _ in range(2):
        replies = ask(group, ["brief 1", "echo 2", "echo 3", "echo 4"], mode=mode)
        assert [reply.expert for reply in replies] == expected
    assert [reply.expert for reply in ask(group[:1], ["echo 1", "echo 2"])] == ["a", "a"]


@pytest.mark.parametrize("mode", ["parallel", "sequential"])
def test_a_query_that_is_not_asked_keeps_its_place(server: ExpertServer, mode: str) -> None:
    """The others go to the same experts with the same seeds, or sparing a query would change what is answered."""
    group = [endpoint(server.base_url, name) for name in "ab"]
    whole = ask(group, ["echo 1", "echo 2", "echo 3"], mode=mode)
    everything = server.received[:]
    server.received.clear()
    first, second, third = ask(group, [None, "echo 2", "echo 3"], mode=mode)
    assert first is None and [second, third] == whole[1:]
    assert len(server.received) == 2 and set(server.received) <= set(everything)
    assert ask(group, [None, None], mode=mode) == [None, None] and len(server.received) == 2


def test_parallel_asks_at_once_and_sequential_one_after_the_other(server: ExpertServer) -> None:
    queries = ["brief 1", "brief 2", "brief 3"]
    assert len(ask([endpoint(server.base_url)], queries, mode="sequential")) == 3
    assert server.peak == 1
    ask([endpoint(server.base_url)], queries)
    assert server.peak > 1


def test_no_more_requests_at_once_than_an_endpoint_takes(server: ExpertServer) -> None:
    replies = ask([endpoint(server.base_url, max_concurrency=2)], [f"brief {number}" for number in range(8)])
    assert {reply.outcome for reply in replies} == {"answered"}
    assert server.peak == 2


def test_a_failed_query_is_asked_elsewhere(server: ExpertServer) -> None:
    with ExpertServer(mood="broken") as broken:
        group = [endpoint(broken.base_url, "bad", retries=1), endpoint(server.base_url, "good")]
        (reply,) = ask(group, ["echo 1"], seed=seed_with_first(group, "bad"))
    assert (reply.outcome, reply.expert, reply.text, reply.attempts) == ("answered", "good", "1", 3)


def test_an_empty_reply_is_asked_elsewhere_and_its_tokens_count(server: ExpertServer) -> None:
    with ExpertServer(mood="empty") as mute:
        group = [endpoint(mute.base_url, "mute"), endpoint(server.base_url, "good")]
        (reply,) = ask(group, ["echo 1"], seed=seed_with_first(group, "mute"))
    assert (reply.text, reply.tokens, reply.prompt_tokens, reply.attempts) == ("1", 14, 22, 2)


def test_a_hanging_expert_is_left_for_another_after_one_timeout(server: ExpertServer) -> None:
    with ExpertServer(mood="slow") as hanging:
        group = [endpoint(hanging.base_url, "bad", timeout_s=0.3, retries=5), endpoint(server.base_url, "good")]
        (reply,) = ask(group, ["echo 1"], seed=seed_with_first(group, "bad"))
    assert (reply.outcome, reply.expert, reply.attempts) == ("answered", "good", 2)


def test_a_lone_expert_is_asked_again_after_a_timeout(server: ExpertServer) -> None:
    (reply,) = ask([endpoint(server.base_url, timeout_s=0.3, retries=1)], ["slow_once 1"])
    assert (reply.outcome, reply.text, reply.attempts) == ("answered", "1", 2)


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_a_request_takes_no_longer_than_its_timeout(server: ExpertServer, kind: str) -> None:
    begun = time.monotonic()
    (reply,) = ask([endpoint(server.base_url, timeout_s=0.3)], [f"{kind} 1"])
    assert (reply.outcome, reply.detail, reply.attempts) == ("timed_out", "request timeout", 1)
    assert time.monotonic() - begun < 1.5


@pytest.mark.parametrize("mode", ["parallel", "sequential"])
def test_the_deadline_holds_for_the_whole_consultation(server: ExpertServer, mode: str) -> None:
    group = [endpoint(server.base_url, timeout_s=30.0, retries=5), endpoint(server.base_url, "b", timeout_s=30.0)]
    begun = time.monotonic()
    replies = ask(group, ["echo 1", "slow x", "slow y"], deadline_s=0.6, mode=mode)
    assert time.monotonic() - begun < 1.6
    assert [reply.outcome for reply in replies] == ["answered", "timed_out", "timed_out"]
    assert replies[1].detail == "consultation deadline" and replies[1].attempts == 1
    # In turn, the third query's time is up before anything is sent.
    assert replies[2].attempts == (1 if mode == "parallel" else 0)


def test_waiting_for_a_free_slot_ends_at_the_deadline_too(server: ExpertServer) -> None:
    replies = ask([endpoint(server.base_url, timeout_s=30.0, max_concurrency=1)], ["slow 1", "echo 2"], deadline_s=0.4)
    assert [(reply.outcome, reply.attempts) for reply in replies] == [("timed_out", 1), ("timed_out", 0)]


def test_a_server_that_is_not_there_is_left_alone_after_a_while(
    server: ExpertServer, caplog: pytest.LogCaptureFixture
) -> None:
    group = [endpoint(NOBODY, "down"), endpoint(server.base_url, "up")]
    limits = ExpertPoolSettings(breaker_threshold=2, breaker_cooldown_s=60)

    async def run() -> list[Reply]:
        async with ExpertPool(group, settings=limits) as pool:
            return [reply for seed in range(20) for reply in await pool.ask(["echo 1"], seed=seed)]

    replies = asyncio.run(run())
    assert {(reply.outcome, reply.expert) for reply in replies} == {("answered", "up")}
    assert sum(reply.attempts for reply in replies) == 20 + 2
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "expert down: first query that failed (connection failed): ConnectionRefusedError",
        "expert down: circuit open, was closed (connection failed)",
    ]


def test_where_every_circuit_is_open_a_query_fails_at_once() -> None:
    async def run() -> list[Reply]:
        async with ExpertPool([endpoint(NOBODY)], settings=ExpertPoolSettings(breaker_threshold=1)) as pool:
            return [*await pool.ask(["echo 1"]), *await pool.ask(["echo 1"])]

    assert [(reply.outcome, reply.detail, reply.attempts) for reply in asyncio.run(run())] == [
        ("failed", "connection failed", 1), ("failed", "circuit open", 0),
    ]  # fmt: skip


def test_an_expert_that_comes_back_is_asked_again(server: ExpertServer) -> None:
    async def run() -> list[str]:
        limits = ExpertPoolSettings(breaker_threshold=1, breaker_cooldown_s=0.1)
        async with ExpertPool([endpoint(server.base_url)], settings=limits) as pool:
            server.mood = "broken"
            outcomes: list[str] = [(await pool.ask(["echo 1"]))[0].outcome]
            server.mood = None
            await asyncio.sleep(0.15)
            return outcomes + [(await pool.ask(["echo 1"]))[0].outcome for _ in range(2)]

    assert asyncio.run(run()) == ["failed", "answered", "answered"]


def test_queries_that_an_expert_refuses_do_not_keep_it_out(server: ExpertServer) -> None:
    queries = ["refused 1", "refused 2", "refused 3", "limited 99", "empty 1", "echo 1"]
    replies = ask([endpoint(server.base_url, retries=1)], queries, mode="sequential", breaker_threshold=1)
    assert [reply.outcome for reply in replies] == ["failed"] * 5 + ["answered"]
    assert [reply.attempts for reply in replies] == [1] * 6


def test_a_cached_reply_is_not_asked_for_again(server: ExpertServer, tmp_path: Path) -> None:
    group = [endpoint(server.base_url, price_per_million_output=1.0, retries=0, parameters=9)]
    queries = ["echo 1", "long 2", "broken 3"]
    once = ask(group, queries, cache_dir=tmp_path)
    sent = len(server.received)
    again = ask(group, queries, cache_dir=tmp_path)
    assert len(server.received) == sent + 1  # the one that failed
    assert [reply.cached for reply in again] == [True, True, False]
    assert [(reply.outcome, reply.text, reply.tokens) for reply in again] == [
        (reply.outcome, reply.text, reply.tokens) for reply in once
    ]
    assert once[0].cost > 0 and once[0].flops > 0
    assert (again[0].cost, again[0].flops, again[0].attempts) == (0.0, 0.0, 0)
    assert not ask(group, queries, seed=6, cache_dir=tmp_path)[0].cached


def test_no_byte_of_an_answer_is_sent(server: ExpertServer) -> None:
    problem = {"problem": "4+7=?", "answer": "GOLD-ANSWER", "solution": "GOLD-ANSWER"}
    group = [endpoint(server.base_url, name, retries=1, timeout_s=0.3) for name in "ab"]
    kinds = ["echo", "broken_once", "empty", "html", "limited", "refused", "slow_once", "reset"]
    limits = ExpertPoolSettings(backoff_s=0.01, breaker_threshold=99)

    async def run() -> list[Reply]:
        async with ExpertPool(group, "{query} {problem}", limits) as pool:
            return await pool.ask(kinds, problem["problem"])

    replies = asyncio.run(run())
    assert len(server.received) == sum(reply.attempts for reply in replies) > len(kinds)
    assert all(b"4+7=?" in request and b"GOLD-ANSWER" not in request for request in server.received)
    assert list(inspect.signature(build_messages).parameters) == ["problem", "query", "template"]
    assert list(inspect.signature(ExpertPool.ask).parameters) == ["self", "queries", "problem", "seed"]


def test_a_request_is_the_template_filled_once() -> None:
    assert build_messages("p {query} {", "q", "P: {problem} Q: {query}") == [
        {"role": "user", "content": "P: p {query} { Q: q"}
    ]
    assert build_messages("", "half \ud800", "{query}")[0]["content"] == "half ?"


def test_a_pool_needs_experts_with_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="at least one endpoint"):
        ExpertPool([])
    with pytest.raises(ValueError, match="a name of its own, got a, a"):
        ExpertPool([endpoint(NOBODY), endpoint(NOBODY)])
    with pytest.raises(ValueError, match="'http://host:port/v1' is no address"):
        ExpertPool([endpoint("http://host:port/v1")])


def test_a_key_is_sent_and_found_nowhere_else(
    server: ExpertServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    key = "sk-very-secret-1234"
    monkeypatch.setenv("EXPERT_KEY", f"{key}\n")
    keyed = endpoint(server.base_url, api_key_env="EXPERT_KEY", retries=1)
    pool = ExpertPool([keyed], settings=ExpertPoolSettings(cache_dir=tmp_path, backoff_s=0.01, deadline_s=2))

    async def run() -> list[Reply]:
        async with pool:
            return await pool.ask(["echo 1", "denied 2", "broken 3", "odd_error 4", "reset 5", "slow 6"])

    with caplog.at_level(logging.DEBUG):
        replies = asyncio.run(run())
    assert all(f"authorization: bearer {key}".encode() in request.lower() for request in server.received)
    assert replies[1].detail == "HTTP 401"
    cached = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for text in (caplog.text, repr(replies), repr(keyed), repr(vars(pool)), keyed.model_dump_json(), cached.decode()):
        assert key not in text


@pytest.mark.parametrize("base_url", ["http://user:sk-1@host/v1", "https://host/v1?key=sk-1", "ftp://host", "host"])
def test_an_address_that_is_none_or_carries_a_key_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        endpoint(base_url)


def test_any_number_of_retries_can_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def limited(pool: ExpertPool, *query: object) -> Attempt:
        return Attempt(Reply("a", "failed"), repeatable=True)

    monkeypatch.setattr(ExpertPool, "_attempt", limited)
    # The wait doubles each time: after a thousand of them no float would hold it.
    (reply,) = ask([endpoint(NOBODY, retries=1200)], ["echo 1"], backoff_s=0.0)
    assert reply.outcome == "failed"


def test_replicas_share_the_queries_and_one_that_fails_hands_them_on(server: ExpertServer) -> None:
    with ExpertServer() as other:
        both = endpoint(server.base_url, replica_urls=(other.base_url,))
        assert {reply.failovers for reply in ask([both], [f"brief {number}" for number in range(8)])} == {0}
        assert len(server.received) == len(other.received) == 4
    with ExpertServer(mood="broken") as broken:
        half = endpoint(broken.base_url, replica_urls=(NOBODY, server.base_url))
        (reply,) = ask([half], ["echo 1"])
    assert (reply.outcome, reply.text, reply.expert) == ("answered", "1", "a")
    assert (reply.attempts, reply.failovers) == (3, 2)


def test_a_dead_replica_is_left_alone_and_where_all_are_dead_the_query_fails_once(server: ExpertServer) -> None:
    limits = ExpertPoolSettings(breaker_threshold=2, breaker_cooldown_s=60)

    async def run(urls: tuple[str, ...]) -> list[Reply]:
        async with ExpertPool([endpoint(NOBODY, replica_urls=urls)], settings=limits) as pool:
            return [reply for seed in range(8) for reply in await pool.ask(["echo 1"], seed=seed) if reply]

    replies = asyncio.run(run((server.base_url,)))
    assert {reply.outcome for reply in replies} == {"answered"}
    assert sum(reply.failovers for reply in replies) == 2 and len(server.received) == 8
    dead = asyncio.run(run((NOBODY,)))
    assert {reply.outcome for reply in dead} == {"failed"}
    assert [(reply.attempts, reply.failovers) for reply in dead] == [(2, 1)] * 2 + [(0, 0)] * 6


def test_a_refused_request_is_no_fail_over(server: ExpertServer) -> None:
    (reply,) = ask([endpoint(server.base_url, replica_urls=(server.base_url,))], ["refused x"])
    assert (reply.outcome, reply.attempts, reply.failovers) == ("failed", 1, 0)


def test_each_request_is_told_with_its_expert_and_its_time(server: ExpertServer) -> None:
    group = [endpoint(server.base_url, "slow", timeout_s=0.2), endpoint(server.base_url, "quick")]
    (reply,) = ask(group, ["slow_once 1"], seed=seed_with_first(group, "slow"))
    first, second = reply.requests
    assert (first.expert, first.tokens, second.expert, second.tokens) == ("slow", 0, "quick", 7)
    assert 0.2 <= first.seconds < 2.0 and 0.0 < second.seconds < 2.0
    # At the consultation's deadline, too.
    (cut,) = ask([endpoint(server.base_url)], ["slow 2"], deadline_s=0.2)
    assert [(one.expert, one.seconds >= 0.1) for one in cut.requests] == [("a", True)]
