"""Whatever a server does: a typed outcome of its own query, in time, in little memory, without a key in a log."""

import asyncio
import json
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eapo_verl.experts.completion import NoCompletion, read_completion
from eapo_verl.experts.pool import ExpertPool
from eapo_verl.experts.preflight import ExpertsUnreachable, preflight
from eapo_verl.experts.reply import OUTCOMES, Reply
from eapo_verl.settings.base import Endpoint, ExpertPoolSettings
from tests.fuzz.behaviours import Behaviour, behaviours
from tests.fuzz.bodies import KEY, SHOWN, completion
from tests.fuzz.hostile_server import HostileServer

BEHAVIOURS = behaviours()
MEMORY = 64 * 2**20
# Seconds. The first is for behaviours that end by themselves, on a machine with other things to do.
PATIENCE_S, TIMEOUT_S, LATE_S = 10.0, 0.4, 4.0


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with HostileServer() as started:
        yield started


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTILE_KEY", KEY)


def endpoint(server: HostileServer, timeout_s: float = PATIENCE_S, **fields: Any) -> Endpoint:
    return Endpoint(
        name="a",
        base_url=server.base_url,
        model="m",
        timeout_s=timeout_s,
        retries=0,
        api_key_env="HOSTILE_KEY",
        **fields,
    )


def ask(expert: Endpoint, *queries: str, **limits: Any) -> list[Reply]:
    settings = {"deadline_s": 30.0, "breaker_threshold": 10_000, "reply_max_bytes": SHOWN} | limits

    async def run() -> list[Reply]:
        async with ExpertPool([expert], settings=ExpertPoolSettings(**settings)) as pool:
            replies = await pool.ask(queries)
        return [reply for reply in replies if reply is not None]

    return asyncio.run(run())


def test_there_are_enough() -> None:
    assert len(BEHAVIOURS) >= 100


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda one: one.name)
def test_a_behaviour_is_its_outcome_in_time_and_in_little_memory(
    server: HostileServer, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    hangs = behaviour.outcome[0] == "timed_out"
    expert = endpoint(server, TIMEOUT_S if hangs else PATIENCE_S)
    tracemalloc.start()
    try:
        began = time.monotonic()
        (reply,) = ask(expert, behaviour.name)
        took = time.monotonic() - began
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    said = reply.text if reply.outcome == "answered" else reply.detail
    assert (reply.outcome, said) == behaviour.outcome
    assert reply.attempts == 1 and (reply.text == "" or reply.outcome == "answered")
    assert peak < MEMORY
    assert took < (TIMEOUT_S + LATE_S if hangs else PATIENCE_S)
    # Why it failed is in the log, once, and the key, which many servers know to echo, is not.
    told = [record.getMessage() for record in caplog.records if "first query" in record.getMessage()]
    assert len(told) == (reply.outcome in ("failed", "timed_out"))
    assert KEY not in caplog.text and KEY not in repr(reply) and not any("\n" in line for line in told)


def test_all_at_once_come_back_in_time_and_add_up(server: HostileServer) -> None:
    names = [one.name for one in BEHAVIOURS for _ in range(2)]
    began = time.monotonic()
    replies = ask(endpoint(server, max_concurrency=64), *names, deadline_s=4.0)
    assert time.monotonic() - began < 4.0 + LATE_S
    outcomes = Counter(reply.outcome for reply in replies)
    assert len(replies) == len(names) == sum(outcomes[outcome] for outcome in OUTCOMES)
    assert outcomes["answered"] > 0


def test_a_consultation_ends_at_its_deadline_whatever_its_servers_do(server: HostileServer) -> None:
    names = [one.name for one in BEHAVIOURS if one.outcome[0] == "timed_out" or "without end" in one.name]
    began = time.monotonic()
    replies = ask(endpoint(server), *names, deadline_s=0.5)
    assert time.monotonic() - began < 0.5 + LATE_S
    assert len(replies) == len(names) and {reply.outcome for reply in replies} <= {"timed_out", "failed"}


# An error of a kind each: before a run they are all that matters.
LASTING = ("status 401", "status 403", "status 404", "status 400", "status 422", "status 308 to elsewhere")
LASTING += ("encoded by gzip, gzip", "body of html", "usage of 400 digits", "a body without end")


@pytest.mark.parametrize(
    "name", [*LASTING, *("status 429", "status 503", "a reset", "thoughts alone, open", "ends by error", "chunks")]
)
def test_before_a_run_a_behaviour_is_one_line_or_let_through(
    server: HostileServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.always = name
    try:
        preflight([endpoint(server)])
    except ExpertsUnreachable as error:
        assert name in LASTING
        assert "\n" not in str(error) and KEY not in str(error) and "expert a at http://127.0.0.1" in str(error)
    else:
        assert name not in LASTING
    finally:
        server.always = None
    assert KEY not in caplog.text


# What JSON holds, with the words that a completion is made of.
words = st.sampled_from(
    ["choices", "message", "content", "finish_reason", "usage", "completion_tokens", "text", "stop", ""]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | words
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4))


@settings(max_examples=200, deadline=None)
@given(values, st.booleans())
def test_any_json_is_a_completion_or_none(value: Any, thoughts: bool) -> None:
    check_reading(json.dumps(value).encode(), thoughts)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.booleans())
def test_any_bytes_are_a_completion_or_none(data: st.DataObject, thoughts: bool) -> None:
    good = bytearray(json.dumps(completion("<think>1</think>4")).encode())
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(good)))
        good[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    check_reading(bytes(good), thoughts)


def check_reading(body: bytes, thoughts: bool) -> None:
    try:
        read = read_completion(body, thoughts)
    except NoCompletion:
        return
    assert read.outcome in OUTCOMES and (read.outcome == "answered") == bool(read.text) == (not read.detail)
    assert 0 <= read.tokens <= 10**9 and 0 <= read.prompt_tokens <= 10**9
    read.text.encode()
