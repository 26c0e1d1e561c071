"""What a server may do when it is asked for a chat completion, by name, and what has to become of it."""

import gzip
import itertools
import json
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.expert_server import reset
from tests.fuzz.bodies import KEY, Expected, bodies, completion

#: How long a server holds a connection that it does not serve, in seconds.
HOLD_S = 30.0


@dataclass(frozen=True)
class Behaviour:
    """What is written into the connection once the request has been read.

    Attributes:
        name: of its own.
        outcome: of the reply, with its text where that is answered, else its detail.
        play: writes; what it raises is swallowed, and the connection closed behind it.
    """

    name: str
    outcome: Expected
    play: Callable[[socket.socket], None]


def http(body: bytes, status: str = "200 OK", *headers: str, length: int | str | None = None) -> bytes:
    """A response."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {size}", "Connection: close"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def sends(*pieces: bytes) -> Callable[[socket.socket], None]:
    """Writes the pieces and closes."""
    return lambda connection: connection.sendall(b"".join(pieces))


def repeats(head: bytes, piece: bytes, every_s: float = 0.0) -> Callable[[socket.socket], None]:
    """Writes a head and then a piece without end, or until nobody reads."""

    def play(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in itertools.count():
            connection.sendall(piece)
            time.sleep(every_s)

    return play


def holds(head: bytes = b"") -> Callable[[socket.socket], None]:
    """Writes a head and then nothing."""

    def play(connection: socket.socket) -> None:
        connection.sendall(head)
        time.sleep(HOLD_S)

    return play


def _statuses() -> Iterator[tuple[str, Expected, Callable[[socket.socket], None]]]:
    """Responses that are no 200."""
    body = json.dumps({"error": {"message": f"no, {KEY} is wrong"}}).encode()
    for status in (
        *(300, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 422, 425, 429, 431, 451, 499),
        *(500, 501, 502, 503, 504, 511, 529, 599, 600, 999),
    ):
        yield f"status {status}", ("failed", f"HTTP {status}"), sends(http(body, f"{status} No"))
    for status in (301, 302, 303, 307, 308):
        moved = http(b"", f"{status} Moved", "Location: http://127.0.0.1:9/v1/chat/completions")
        yield f"status {status} to elsewhere", ("failed", f"HTTP {status}"), sends(moved)
    yield "status 304", ("failed", "HTTP 304"), sends(b"HTTP/1.1 304 Not Modified\r\n\r\n")
    yield "status 204", ("failed", "not a completion"), sends(b"HTTP/1.1 204 No Content\r\n\r\n")
    for name, wait in {
        "inf": "inf",
        "below 0": "-5",
        "digits": "9" * 400,
        "never": "Fri, 31 Dec 9999 23:59:59 GMT",
        "no date": "Fri, 99 Foo 2099 25:61:61",
        "year 1": "Mon, 01 Jan 0001 00:00:00 +2359",
        "nan": "nan",
    }.items():
        yield f"429, wait {name}", ("failed", "HTTP 429"), sends(http(b"{}", "429 No", f"Retry-After: {wait}"))
    failed = b"HTTP/1.1 500 No\r\n\r\n"
    yield "an error without end", ("failed", "HTTP 500"), repeats(failed, b"x" * 65536)
    yield "an error that drips", ("failed", "HTTP 500"), repeats(failed, b"x", every_s=0.05)
    yield (
        "an error that is encoded",
        ("failed", "HTTP 500"),
        sends(http(gzip.compress(body), "500 No", "Content-Encoding: gzip")),
    )
    yield "an error of binary", ("failed", "HTTP 500"), sends(http(bytes(range(256)) * 64, "500 No"))
    yield (
        "an error in broken chunks",
        ("failed", "connection failed"),
        sends(b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    )


def _encodings() -> Iterator[tuple[str, Expected, Callable[[socket.socket], None]]]:
    """Bodies that are not sent as they are: nobody asked for that."""
    good = json.dumps(completion()).encode()
    twice = gzip.compress(gzip.compress(b" " * 3 * 10**7, 9), 9)
    for name, data in {
        "gzip": gzip.compress(good),
        "gzip, gzip": twice,
        "deflate": zlib.compress(good),
        "br": good,
        "zstd": good,
        "x": good,
        "identity, gzip": gzip.compress(good),
    }.items():
        yield f"encoded by {name}", ("failed", "encoded body"), sends(http(data, "200 OK", f"Content-Encoding: {name}"))
    yield "encoded by identity", ("answered", "4"), sends(http(good, "200 OK", "Content-Encoding: identity"))
    yield "gzip without a word", ("failed", "not a completion"), sends(http(gzip.compress(good)))


def _protocol() -> Iterator[tuple[str, Expected, Callable[[socket.socket], None]]]:
    """What is no HTTP, or not as it should be."""
    good = json.dumps(completion()).encode()
    broken, late = ("failed", "connection failed"), ("timed_out", "request timeout")
    lines = {
        "a header of a megabyte": "X: " + "x" * 10**6,
        "10,000 headers": "\r\n".join(f"X-{n}: 1" for n in range(10_000)),
        "a header without a colon": "nonsense",
        "a header with a zero": "X: a\0b",
    }
    for name, line in lines.items():
        yield name, broken, sends(http(good, "200 OK", line))
    for name, length in {"below 0": "-1", "a word": "many", "above any": "9" * 30}.items():
        yield f"length {name}", broken, sends(http(good, length=length))
    yield "two lengths", broken, sends(http(good, "200 OK", "Content-Length: 5"))
    yield "a length too long", broken, sends(http(good, length=len(good) + 100))
    yield "a length too short", broken, sends(http(good, length=40))
    yield "no length", ("answered", "4"), sends(b"HTTP/1.1 200 OK\r\n\r\n", good)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    yield "chunks", ("answered", "4"), sends(chunked, b"%x\r\n%s\r\n0\r\n\r\n" % (len(good), good))
    for name, size in {"no number": b"zz", "below 0": b"-5", "above any": b"f" * 40}.items():
        yield f"a chunk's size {name}", broken, sends(chunked, size, b"\r\n", good)
    yield "no last chunk", broken, sends(chunked, b"%x\r\n%s\r\n" % (len(good), good))
    yield "chunks without end", ("failed", "body too large"), repeats(chunked, b"10000\r\n" + b" " * 65536 + b"\r\n")
    yield "a body without end", ("failed", "body too large"), repeats(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536)
    yield "a body that drips", late, repeats(b"HTTP/1.1 200 OK\r\n\r\n", b" ", every_s=0.05)
    yield "headers that drip", late, repeats(b"HTTP/1.1 200 OK\r\n", b"X", every_s=0.05)
    yield "100 without end", late, repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, every_s=0.01)
    yield "silence", late, holds()
    yield "silence after the headers", late, holds(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    yield "an end at once", broken, sends()
    yield "a reset", broken, reset
    for name, raw in {
        "mail": b"220 mail.example ESMTP\r\n",
        "binary": bytes(range(256)),
        "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "the body alone": good,
        "half a header": b"HTTP/1.1 200 OK\r\nContent-",
        "a status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
        "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    }.items():
        yield f"no http: {name}", broken, sends(raw)
    yield "two responses", broken, sends(http(good), http(b"{}", "500 No"))


def behaviours() -> list[Behaviour]:
    """All of them."""
    found = [
        Behaviour(name, expected, sends(http(body if isinstance(body, bytes) else _text(body))))
        for name, body, expected in bodies()
    ]
    for name, expected, play in itertools.chain(_statuses(), _encodings(), _protocol()):
        found.append(Behaviour(name, expected, play))
    assert len({one.name for one in found}) == len(found)
    return found


def _text(body: Any) -> bytes:
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
