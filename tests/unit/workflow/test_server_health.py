"""Whether a server is up, and what it counts, as its pages say."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from eapo_verl.experts.server_pages import health_url, metrics_url, read_metrics
from tests.expert_pool import NOBODY
from tests.metrics_server import Server, page, says
from workflow.expert_service.health import answers


@pytest.mark.parametrize("base_url", ["http://node:80/v1", "http://node:80/v1/", "http://node:80"])
def test_pages_are_beside_the_api(base_url: str) -> None:
    assert (health_url(base_url), metrics_url(base_url)) == ("http://node:80/health", "http://node:80/metrics")


def speaks_otherwise(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


@pytest.mark.parametrize(("how", "up"), [(says(b""), True), (says(b"starting", 503), False), (speaks_otherwise, False)])
def test_a_server_is_up_where_it_says_so(how: Callable[[BaseHTTPRequestHandler], None], up: bool) -> None:
    with Server(how) as server:
        assert answers(server.base_url) is up
    assert server.asked == ["/health"] and not answers(NOBODY)


def test_metrics_are_those_that_are_asked_for_of_each_engine() -> None:
    running, absent = "vllm:num_requests_running", "vllm:generation_tokens_total"
    assert read_metrics(page((3, 1, 0.25), (4, 0, 0.75)).decode(), [running, absent]) == {running: [3, 4], absent: []}
    counted = f'{absent}{{engine="0"}} 7.0\n{absent}{{engine="1"}} 5.0\n'
    assert sum(read_metrics(counted, [absent])[absent]) == 12
