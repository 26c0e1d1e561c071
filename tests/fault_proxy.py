"""A proxy before an OpenAI-compatible server that spoils a share of its completions."""

import random
import threading
import urllib.error
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler
from typing import cast

from tests.expert_server import Loopback, owner_of, reset

KINDS = ("hang", "reset", "http_500", "http_429", "garbage")


class FaultProxy(Loopback):
    """``with FaultProxy(url, rate, seed) as proxy`` serves at ``proxy.base_url`` until the block ends.

    Which completions are spoilt, and how, depends on the seed and on the order in which they come in.

    Args:
        target_base_url: the real server's address, /v1 included.
        rate: the share of chat completions to spoil, in [0, 1].
        seed: of the choice.
        hang_s: seconds that a "hang" holds the connection before it is closed without an answer.

    Attributes:
        injected: faults by kind, one of ``KINDS``.
        forwarded: requests that were passed on.
    """

    def __init__(self, target_base_url: str, rate: float, seed: int = 0, hang_s: float = 30.0) -> None:
        self.target_base_url = target_base_url.rstrip("/")
        self.rate = rate
        self.hang_s = hang_s
        self.injected: Counter[str] = Counter()
        self.forwarded = 0
        super().__init__(_Handler)
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def draw(self, path: str) -> str | None:
        """The fault for the next request to ``path``, counted; None where it is to be passed on."""
        with self._lock:
            if path.endswith("/chat/completions") and self._random.random() < self.rate:
                kind = self._random.choice(KINDS)
                self.injected[kind] += 1
                return kind
            self.forwarded += 1
            return None


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._handle(None)

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _handle(self, body: bytes | None) -> None:
        proxy = cast(FaultProxy, owner_of(self))
        match proxy.draw(self.path):
            case None:
                self._forward(proxy, body)
            case "hang":
                proxy.released.wait(proxy.hang_s)
            case "reset":
                reset(self.connection)
            case "http_500":
                self._send(500, b'{"error": {"message": "injected"}}')
            case "http_429":
                self._send(429, b'{"error": {"message": "injected"}}', {"Retry-After": "0"})
            case "garbage":
                self._send(200, b'{"id": "1", "choices": [{"message": {"conte')

    def _forward(self, proxy: FaultProxy, body: bytes | None) -> None:
        passed_on = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
        url = proxy.target_base_url + self.path.removeprefix("/v1")
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, passed_on)) as response:
                status, answer = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, answer = error.code, error.read()
        self._send(status, answer)

    def _send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Quiet."""
