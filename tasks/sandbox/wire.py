"""Messages over a socket: the length, one letter that says what it is, and what it holds.

By its letter, ``B`` says that a process is confined, and that anybody's code may come. ``P`` tells it the program that
it serves (what that is given, and itself), and ``T`` the tests (what is given, the functions, the tests). From tests
come ``C``, a call (name, arguments, named ones), and in the end ``V``, the verdict (two texts: an outcome and what
there is to say). A program answers ``P`` and ``C`` with ``R``, it is ready, or has returned (a value); ``X``, it raised
(four texts: the first of the exception's types that is Python's own, its type, its message, its arguments as a value);
``M``, it has no such function, and ``U``, what it returned does not cross (both like ``X``).

Read by both sides; imports nothing but Python's own library.
"""

from __future__ import annotations

import socket
import struct
import time

#: Bytes of a message, beside its letter.
LARGEST = 4 * 2**20
_HEAD = struct.Struct("!Ic")


class Closed(Exception):
    """The other side has ended; ``channel`` is the one of a conversation with it."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.channel = channel


class TooLong(Exception):
    """The other side announces a longer message than any may be."""


class Channel:
    """One side of a conversation.

    Args:
        connection: taken over.
        deadline: by ``time.monotonic``, after which :meth:`send` and :meth:`receive` raise TimeoutError; None: never.
    """

    def __init__(self, connection: socket.socket, deadline: float | None = None) -> None:
        self._connection = connection
        self._deadline = deadline

    def send(self, letter: bytes, content: bytes = b"") -> None:
        """Send a message. Raises Closed, TimeoutError."""
        self._wait_at_most()
        try:
            self._connection.sendall(_HEAD.pack(len(content), letter) + content)
        except TimeoutError:
            raise
        except OSError as error:
            raise Closed(self) from error

    def receive(self) -> tuple[bytes, bytes]:
        """The letter and the content of the next message. Raises Closed, TooLong, TimeoutError."""
        length, letter = _HEAD.unpack(self._exactly(_HEAD.size))
        if length > LARGEST:
            raise TooLong
        return letter, self._exactly(length)

    def close(self) -> None:
        """End it."""
        self._connection.close()

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            self._wait_at_most()
            try:
                part = self._connection.recv(min(size, 2**16))
            except TimeoutError:
                raise
            except OSError as error:
                raise Closed(self) from error
            if not part:
                raise Closed(self)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait_at_most(self) -> None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._connection.settimeout(left)
