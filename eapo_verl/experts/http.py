"""HTTP to an expert's endpoint, through aiohttp: where to, with which headers, and how much of a response is read.

Servers are not trusted: no redirect is followed (a key may not go where its owner did not send it), and a body is read
as it comes, up to a limit.
"""

import asyncio
import contextlib
import ipaddress
import socket
import urllib.request
from collections.abc import Iterable

import aiohttp
from aiohttp.http import HttpProcessingError
from yarl import URL

from eapo_verl.experts.api_keys import read_headers
from eapo_verl.settings.base import Endpoint
from eapo_verl.settings.redaction import others_words, redacted

# Bytes of a response's body. Not stated; our choice: far above any completion, and what is made of it, whatever it
# holds, stays below 64 MiB.
BODY_MAX_BYTES = 2 * 2**20
# Of an error's body, which may say why, and seconds that are waited for it: the error is known without.
_REASON_MAX_BYTES, _REASON_S = 8192, 1.0

# uvicorn, and so vLLM, closes a connection that was idle for five seconds: be the one who closes first, or a request
# may meet the end of its connection.
_KEEP_ALIVE_S = 4.0

# What /etc/hosts calls the loopback interface by custom.
_OWN_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")

#: How a connection fails. aiohttp hands the second on where a body, once begun, breaks the protocol.
CONNECTION_ERRORS = (aiohttp.ClientError, HttpProcessingError)


class BodyRefused(Exception):
    """A response's body is not read, and why."""


def address(endpoint: Endpoint, path: str) -> URL:
    """The address of one of the endpoint's routes, "/models", say.

    Raises:
        ValueError: the endpoint's ``base_url`` is malformed.
    """
    try:
        return URL(endpoint.base_url.rstrip("/") + path)
    except ValueError as error:
        raise ValueError(f"expert {endpoint.name}: base_url {redacted(endpoint.base_url)}: {error}") from error


def request_headers(endpoint: Endpoint) -> dict[str, str]:
    """What every request to the endpoint says of itself, its keys included.

    Raises:
        ValueError: a key is missing.
    """
    return {
        "Content-Type": "application/json",
        "Accept": "application/json",
        # Compressed, a small body could become an endless one.
        "Accept-Encoding": "identity",
        **read_headers(endpoint),
    }


def open_session(headers: dict[str, str], proxy: str | None) -> aiohttp.ClientSession:
    """A session of the running event loop; it has neither a timeout nor a limit of connections of its own."""
    return aiohttp.ClientSession(
        headers=headers,
        proxy=proxy,
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
    )


def environment_proxy(url: URL) -> str | None:
    """The proxy that the environment (``https_proxy``, ``all_proxy``, ``no_proxy`` and so on) names for ``url``.

    None on this machine, whatever the environment says: an expert that the workflow serves is behind no proxy.

    Raises:
        ValueError: the proxy is none that speaks HTTP. Its address, which may hold a password, is not in the message.
    """
    host = url.host or ""
    if _is_this_machine(host) or urllib.request.proxy_bypass(f"{host}:{url.port}"):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy:
        return None
    scheme, separator, _ = proxy.partition("://")
    if separator and scheme.lower() not in ("http", "https"):
        raise ValueError(
            f"the environment's proxy for {url.scheme}://{host} is not http://host:port, the one kind that is allowed; "
            "no_proxy takes a host out"
        )
    return proxy if separator else f"http://{proxy}"


def _is_this_machine(host: str) -> bool:
    name = host.rstrip(".").lower()
    try:
        ip = ipaddress.ip_address(name)
    except ValueError:
        try:
            # As the system reads 127.1 and 0x7f000001.
            ip = ipaddress.ip_address(socket.inet_aton(name))
        except (OSError, ValueError):
            return name in _OWN_NAMES or name.endswith(".localhost")
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_loopback or ip.is_unspecified


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """The whole body as it was sent.

    Raises:
        BodyRefused: it is longer than ``BODY_MAX_BYTES``, or encoded though nobody asked for that.
        aiohttp.ClientError: it ends too early.
        HttpProcessingError: it breaks the protocol.
    """
    _require_plain(response)
    chunks = []
    received = 0
    async for chunk in response.content.iter_any():
        received += len(chunk)
        if received > BODY_MAX_BYTES:
            raise BodyRefused("body too large")
        chunks.append(chunk)
    return b"".join(chunks)


async def read_reason(response: aiohttp.ClientResponse, secrets: Iterable[str]) -> str:
    """What the body of an error says: one short line without keys; empty where it says nothing in time.

    The words are the server's: for a log or an error line, and for nobody's prompt.
    """
    words = b""
    with contextlib.suppress(TimeoutError, BodyRefused, *CONNECTION_ERRORS):
        _require_plain(response)
        async with asyncio.timeout(_REASON_S):
            async for chunk in response.content.iter_any():
                words += chunk
                if len(words) >= _REASON_MAX_BYTES:
                    break
    return others_words(words[:_REASON_MAX_BYTES].decode(errors="replace"), secrets)


def _require_plain(response: aiohttp.ClientResponse) -> None:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BodyRefused("encoded body")
