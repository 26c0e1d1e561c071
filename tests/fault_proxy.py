"""A proxy before an OpenAI-compatible server that spoils a share of its completions."""

import json
import random
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import cast

from eapo_verl.experts.preflight import QUERY
from eapo_verl.experts.reply import Outcome
from tests.expert_server import Loopback, owner_of, reset
from tests.fuzz.behaviours import Behaviour
from tests.fuzz.hostile_server import play

KINDS = ("hang", "reset", "http_500", "http_429", "garbage")


class FaultProxy(Loopback):
    """``with FaultProxy(url, rate, seed) as proxy`` serves at ``proxy.base_url`` until the block ends.

    Which completions are spoilt, and how, depends on the seed and on the order in which they come in. What is asked
    before a run is passed on, and not counted.

    Args:
        target_base_url: the real server's address, /v1 included.
        rate: the share of chat completions to spoil, in [0, 1].
        seed: of the choice.
        hang_s: seconds that a "hang" holds the connection before it is closed without an answer.
        hostile: further ways to spoil one, each as likely as one of ``KINDS``.

    Attributes:
        injected: faults by kind, one of ``KINDS`` or the name of a behaviour.
        outcomes: what has to become of them.
        forwarded: completions that were passed on.
    """

    def __init__(
        self,
        target_base_url: str,
        rate: float,
        seed: int = 0,
        hang_s: float = 30.0,
        hostile: Sequence[Behaviour] = (),
    ) -> None:
        self.target_base_url = target_base_url.rstrip("/")
        self.rate = rate
        self.hang_s = hang_s
        self.injected: Counter[str] = Counter()
        self.outcomes: Counter[Outcome] = Counter()
        self._hostile = {one.name: one for one in hostile}
        self.forwarded = 0
        super().__init__(_Handler)
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def draw(self) -> str | Behaviour | None:
        """The fault for the next completion, counted; None where it is to be passed on."""
        with self._lock:
            if self._random.random() >= self.rate:
                self.forwarded += 1
                return None
            kind = self._random.choice((*KINDS, *self._hostile))
            self.injected[kind] += 1
            behaviour = self._hostile.get(kind)
            self.outcomes[behaviour.outcome[0] if behaviour else "timed_out" if kind == "hang" else "failed"] += 1
            return behaviour or kind


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._handle(None)

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _handle(self, body: bytes | None) -> None:
        proxy = cast(FaultProxy, owner_of(self))
        before_a_run = body is None or json.loads(body)["messages"][0]["content"] == QUERY
        match None if before_a_run else proxy.draw():
            case None:
                self._forward(proxy, body)
            case Behaviour() as behaviour:
                play(behaviour, self.connection)
                self.close_connection = True
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
