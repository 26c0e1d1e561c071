"""How busy servers are, from real ones that say so, say something else, or say nothing."""

import contextlib
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eapo_verl.record import server_load
from eapo_verl.record.server_load import Load, ServerLoads, experts_servers, largest, read_load
from tests.expert_pool import NOBODY, endpoint
from tests.expert_server import owner_of, reset
from tests.metrics_server import Server, page, says


def hangs(handler: BaseHTTPRequestHandler) -> None:
    owner_of(handler).released.wait(10)


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    reset(handler.connection)


def test_a_page_tells_of_all_engines_of_its_server() -> None:
    assert read_load(page((3, 1, 0.25), (4, 0, 0.75)).decode()) == Load(7, 1, 0.75)
    assert read_load("<html>no metrics</html>") is None


PIECES = ["vllm:num_requests_running", *'{}"=,\\ a1e-#\n\t', "9" * 400]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_whatever_a_page_says_is_read_or_malformed(pieces: list[str]) -> None:
    text = "vllm:num_requests_running" + "".join(pieces)
    with contextlib.suppress(ValueError):
        read_load(text + "\nvllm:num_requests_waiting 1\nvllm:kv_cache_usage_perc 0.5")


def test_the_largest_since_the_last_step_is_told_once() -> None:
    pages = [page((8, 0, 0.5)), page((2, 5, 0.25))]
    with Server(lambda handler: says(pages.pop(0))(handler)) as server:
        loads = ServerLoads(experts_servers([endpoint(server.base_url, "a")]))
        assert loads.sample() == {"experts/a": Load(8, 0, 0.5)}
        assert loads.sample() == {"experts/a": Load(2, 5, 0.25)}
    assert loads.take() == {
        "server_load_asked": 2, "server_load_failed": 0,
        "experts/a/queue_running": 8.0, "experts/a/queue_waiting": 5.0, "experts/a/kv_cache_use": 0.5,
    }  # fmt: skip
    assert loads.take() == {"server_load_asked": 0, "server_load_failed": 0}
    assert server.asked == ["/metrics"] * 2


def test_the_servers_of_an_expert_are_told_together_or_not_at_all() -> None:
    with Server(says(page((1, 2, 0.5)))) as one, Server(says(page((3, 0, 0.25)))) as other:
        loads = ServerLoads(experts_servers([endpoint(one.base_url, "a", replica_urls=(other.base_url,))]))
        assert loads.sample() == {"experts/a": Load(4, 2, 0.5)}
        other.how = says(b"down", 503)
        assert loads.sample() == {}
    assert (loads.take()["server_load_asked"], loads.take()["server_load_failed"]) == (4, 0)


@pytest.mark.parametrize("answer", [says(b"no such page", 404), says(b"<html>hello</html>"), says(b"", 301)])
def test_an_endpoint_that_is_no_vllm_is_asked_once_and_has_no_columns(
    answer: Callable[[BaseHTTPRequestHandler], None],
) -> None:
    with Server(answer) as server:
        loads = ServerLoads(experts_servers([endpoint(server.base_url, "a")]))
        assert loads.sample() == loads.sample() == {}
    assert loads.take() == {"server_load_asked": 0, "server_load_failed": 0} and len(server.asked) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        hangs,
        breaks_off,
        says(b"", 500),
        says(b"\xff\xfe"),
        says(page((float("nan"), 0, 0))),
        says(b"vllm:num_requests_running{ 1"),
        says(b"vllm:num_requests_running x\n" * 200_000),
    ],
)
def test_whatever_goes_wrong_is_counted_and_keeps_nobody(
    trouble: Callable[[BaseHTTPRequestHandler], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_load, "WITHIN_S", 1.0)
    with Server(trouble) as server, Server(says(page((1, 0, 0.5)))) as well:
        loads = ServerLoads(experts_servers([endpoint(server.base_url, "a"), endpoint(well.base_url, "b")]))
        began = time.monotonic()
        assert loads.sample() == {"experts/b": Load(1, 0, 0.5)}
        assert time.monotonic() - began < 5.0
    told = loads.take()
    assert (told["server_load_asked"], told["server_load_failed"]) == (2, 1) and "experts/a/queue_running" not in told


def test_nobody_at_an_address_is_a_failure_too() -> None:
    loads = ServerLoads(experts_servers([endpoint(NOBODY)]))
    assert loads.sample() == {} and loads.take()["server_load_failed"] == 1


def test_one_thread_asks_while_another_takes() -> None:
    with Server(says(page((1, 1, 0.5)))) as server:
        loads = ServerLoads(experts_servers([endpoint(server.base_url, "a")]))
        asking = threading.Thread(target=lambda: [loads.sample() for _ in range(20)])
        asking.start()
        asked = 0
        while asking.is_alive():
            asked += int(loads.take()["server_load_asked"])
        asked += int(loads.take()["server_load_asked"])
    assert asked == len(server.asked) == 20


def test_the_largest_of_a_run() -> None:
    steps: list[dict[str, float | None]] = [
        {"step": 0},
        {"a/queue_running": 4.0, "a/kv_cache_use": None},
        {"a/queue_running": 2.0, "a/kv_cache_use": 0.5},
    ]
    assert largest(steps, ["a"]) == {"a": {"queue_running": 4.0, "queue_waiting": None, "kv_cache_use": 0.5}}
