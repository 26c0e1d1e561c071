"""The expert pool against a real HTTP server that misbehaves on request."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eapo_verl.experts import ExpertPool, Reply, build_messages
from eapo_verl.settings import Endpoint

RECEIVED: list[bytes] = []


class Expert(BaseHTTPRequestHandler):
    """Answers a query "echo X" with X; other first words are kinds of trouble."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        RECEIVED.append(body)
        query = json.loads(body)["messages"][0]["content"]
        kind, _, rest = query.partition(" ")
        if kind == "slow":
            time.sleep(3)
        if kind == "broken":
            self.send_error(500)
            return
        content = {"echo": rest, "slow": rest, "empty": "", "long": rest}[kind]
        reason = "length" if kind == "long" else "stop"
        answer = {
            "id": "1", "object": "chat.completion", "created": 0, "model": "m",
            "choices": [{"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": content}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 7, "total_tokens": 8},
        }  # fmt: skip
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Expert)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()


def ask(base_url: str, queries: list[str], deadline_s: float = 10.0, **fields: object) -> list[Reply]:
    endpoint = Endpoint(name="a", base_url=base_url, model="m", **({"timeout_s": 1.0, "retries": 0} | fields))

    async def run() -> list[Reply]:
        return await ExpertPool([endpoint], deadline_s=deadline_s).ask(queries, "the problem", seed=5)

    return asyncio.run(run())


def test_replies_come_back_in_order_with_their_tokens(base_url: str) -> None:
    replies = ask(base_url, ["echo 1", "echo 2", "echo 3"])
    assert [(reply.outcome, reply.text, reply.tokens) for reply in replies] == [
        ("answered", "1", 7), ("answered", "2", 7), ("answered", "3", 7),
    ]  # fmt: skip


def test_every_kind_of_trouble_is_an_outcome_of_its_own_query(base_url: str) -> None:
    replies = ask(base_url, ["broken x", "empty x", "long half", "slow x", "echo fine"])
    assert [reply.outcome for reply in replies] == ["failed", "failed", "truncated", "timed_out", "answered"]
    assert [reply.text for reply in replies] == ["", "", "", "", "fine"]


def test_a_server_that_is_not_there_is_a_failed_reply() -> None:
    assert [reply.outcome for reply in ask("http://127.0.0.1:9/v1", ["echo 1"])] == ["failed"]


def test_the_deadline_holds_for_the_whole_consultation(base_url: str) -> None:
    replies = ask(base_url, ["echo 1", "slow x"], deadline_s=0.7, timeout_s=30.0)
    assert [reply.outcome for reply in replies] == ["answered", "timed_out"]


def test_queries_of_one_consultation_go_to_different_experts(base_url: str) -> None:
    pair = [Endpoint(name=name, base_url=base_url, model="m") for name in ("a", "b")]

    async def run() -> list[Reply]:
        return await ExpertPool(pair).ask(["echo 1", "echo 2", "echo 3"], "p", seed=1)

    assert [reply.expert for reply in asyncio.run(run())] == ["b", "a", "b"]


def test_no_byte_of_an_answer_is_sent(base_url: str) -> None:
    RECEIVED.clear()
    ask(base_url, ["echo 12"])
    assert RECEIVED and not any(b"GOLD-ANSWER" in body for body in RECEIVED)
    assert build_messages("p {query} {", "q", "P: {problem} Q: {query}") == [
        {"role": "user", "content": "P: p {query} { Q: q"}
    ]


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPERT_KEY", raising=False)
    endpoint = Endpoint(name="a", base_url="http://h/v1", model="m", api_key_env="EXPERT_KEY")
    with pytest.raises(ValueError, match="expert a: environment variable EXPERT_KEY"):
        ExpertPool([endpoint])
