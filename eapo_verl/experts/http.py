"""HTTP to an expert's endpoint, through aiohttp: where to, with which headers, and how much of a response is read.

Servers are not trusted: no redirect is followed (a key may not go where its owner did not send it), and a body is read
as it comes, up to a limit.
"""

import urllib.request

import aiohttp
from yarl import URL

from eapo_verl.experts.api_keys import read_api_key
from eapo_verl.settings.base import Endpoint

# Bytes of a response's body. Not stated; our choice: far above any completion, far below what hurts 64 times at once.
BODY_MAX_BYTES = 16 * 2**20

# uvicorn, and so vLLM, closes a connection that was idle for five seconds: be the one who closes first, or a request
# may meet the end of its connection.
_KEEP_ALIVE_S = 4.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


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
        raise ValueError(f"expert {endpoint.name}: base_url {endpoint.base_url}: {error}") from error


def request_headers(endpoint: Endpoint) -> dict[str, str]:
    """What every request to the endpoint says of itself, its key included.

    Raises:
        ValueError: the key is missing.
    """
    return {
        "Authorization": f"Bearer {read_api_key(endpoint)}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        # Compressed, a small body could become an endless one.
        "Accept-Encoding": "identity",
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
    """The proxy that the environment (``https_proxy``, ``no_proxy`` and so on) names for ``url``.

    None on this machine, whatever the environment says: an expert that the workflow serves is behind no proxy.
    """
    host = url.host or ""
    if host in _LOOPBACK or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(url.scheme)


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """The whole body as it was sent.

    Raises:
        BodyRefused: it is longer than ``BODY_MAX_BYTES``, or encoded though nobody asked for that.
        aiohttp.ClientError: it ends too early.
    """
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BodyRefused("encoded body")
    chunks = []
    received = 0
    async for chunk in response.content.iter_any():
        received += len(chunk)
        if received > BODY_MAX_BYTES:
            raise BodyRefused("body too large")
        chunks.append(chunk)
    return b"".join(chunks)
