"""A real HTTP server with the page on which vLLM's servers tell how busy they are, or with another one."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

from tests.expert_server import Loopback, owner_of


def page(*engines: tuple[float, float, float]) -> bytes:
    """What vLLM's servers say, of each of its engines."""
    registry = CollectorRegistry()
    names = ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc")
    gauges = [Gauge(name, "about", ("model_name", "engine"), registry=registry) for name in names]
    reasons = Gauge("vllm:num_requests_waiting_by_reason", "about", ("engine", "reason"), registry=registry)
    Histogram("vllm:time_to_first_token_seconds", "about", registry=registry).observe(1.0)
    for number, values in enumerate(engines):
        reasons.labels(str(number), "deferred").set(1000)
        for gauge, value in zip(gauges, values, strict=True):
            gauge.labels('a "model"', str(number)).set(value)
    return generate_latest(registry)


class Server(Loopback):
    """Answers by ``how``; counts how often it was asked."""

    def __init__(self, how: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.how = how
        self.asked: list[str] = []
        super().__init__(_Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = owner_of(self)
        assert isinstance(server, Server)
        server.asked.append(self.path)
        server.how(self)

    def log_message(self, *args: object) -> None:
        """Quiet."""


def says(body: bytes, status: int = 200) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer
