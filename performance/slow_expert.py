"""The expert of the measurements here: a server that answers every completion with the same words, later."""

import asyncio
import json
import re
import socket
from typing import Any

from ray._private.async_compat import get_new_event_loop

LATENCY_S = 0.2
REPLY = "4+7=1,1@3=6"

_BODY = json.dumps(
    {
        "id": "1", "object": "chat.completion", "created": 0, "model": "expert",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": REPLY}}
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 11, "total_tokens": 16},
    }
).encode()  # fmt: skip
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
COMPLETION = _HEAD % (len(_BODY), _BODY)
#: Of the list of models, which a run asks for before it starts.
MODELS = _HEAD % (11, b'{"data":[]}')


class Expert(asyncio.Protocol):
    """A connection to the expert: every completion is answered with ``REPLY``, ``latency_s`` after it was asked.

    No more of HTTP than its clients speak, since it takes its share of the same cores.
    """

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.received = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        size = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        # A client waits for the answer before it sends the next request.
        if end and size and len(body) >= int(size[1]):
            self.received = b""
            asyncio.get_running_loop().call_later(self.latency_s, self.transport.write, COMPLETION)
        elif end and head.startswith(b"GET "):
            self.received = b""
            self.transport.write(MODELS)


def serve(listener: socket.socket, backlog: int, latency_s: float = LATENCY_S) -> None:
    """Serve the expert until the process is ended; connections stay open between rounds.

    Args:
        listener: bound and listening.
        backlog: connections that may wait at once.
        latency_s: from a request to its answer.
    """

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Expert(latency_s), sock=listener, backlog=backlog)
        await server.serve_forever()

    with asyncio.Runner(loop_factory=get_new_event_loop) as runner:
        runner.run(listen())
