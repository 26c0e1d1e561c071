"""A server of many behaviours: the name of the one that is wanted is the query."""

import contextlib
import json
import socket
import socketserver
from typing import cast

from tests.expert_server import Loopback, owner_of
from tests.fuzz.behaviours import Behaviour, behaviours


class HostileServer(Loopback):
    """``with HostileServer() as server`` serves on a free port of the loopback interface.

    A request for anything but completions is answered with an empty list of models. Each connection serves one.

    Attributes:
        always: the behaviour whatever the query, where one is named.
    """

    def __init__(self) -> None:
        self.always: str | None = None
        self.behaviours = {one.name: one for one in behaviours()}
        super().__init__(_Handler)


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
        server = cast(HostileServer, owner_of(self))
        name = server.always or json.loads(body)["messages"][0]["content"]
        play(server.behaviours[name], self.connection)


def play(behaviour: Behaviour, connection: socket.socket) -> None:
    """Let a behaviour have the connection, and end it."""
    with contextlib.suppress(OSError):
        behaviour.play(connection)
        connection.shutdown(socket.SHUT_RDWR)
