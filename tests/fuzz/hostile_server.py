"""A server of many behaviours: the name of the one that is wanted is the query."""

import contextlib
import json
import socket
import socketserver
import threading
from types import TracebackType
from typing import Self, cast

from tests.fuzz.behaviours import Behaviour, behaviours


class HostileServer:
    """``with HostileServer() as server`` serves on a free port of the loopback interface.

    A request for anything but completions is answered with an empty list of models. Each connection serves one.

    Attributes:
        always: the behaviour whatever the query, where one is named.
    """

    def __init__(self) -> None:
        self.always: str | None = None
        self.behaviours = {one.name: one for one in behaviours()}
        self._tcp = _Tcp(("127.0.0.1", 0), _Handler)
        self._tcp.owner = self

    @property
    def base_url(self) -> str:
        """Where it listens, /v1 included."""
        return f"http://127.0.0.1:{self._tcp.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._tcp.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tcp.shutdown()
        self._tcp.server_close()


class _Tcp(socketserver.ThreadingTCPServer):
    owner: HostileServer
    allow_reuse_address = True
    daemon_threads = True
    # A behaviour that holds its connection is left behind.
    block_on_close = False
    request_queue_size = 256


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        length = 0
        line = first = self.rfile.readline()
        while line.strip():
            line = self.rfile.readline()
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        body = self.rfile.read(length)
        if not first.startswith(b"POST"):
            self.connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"data":[]}')
            return
        server = cast(_Tcp, self.server).owner
        name = server.always or json.loads(body)["messages"][0]["content"]
        play(server.behaviours[name], self.connection)


def play(behaviour: Behaviour, connection: socket.socket) -> None:
    """Let a behaviour have the connection, and end it."""
    with contextlib.suppress(OSError):
        behaviour.play(connection)
        connection.shutdown(socket.SHUT_RDWR)
