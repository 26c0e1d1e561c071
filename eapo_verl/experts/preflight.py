"""Before any engine starts: is every expert there, does it take its key, and does it answer what it will be asked?"""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from eapo_verl.experts.client import NOT_A_COMPLETION, REFUSED, Attempt, ExpertClient
from eapo_verl.experts.http import (
    BODY_MAX_BYTES,
    CONNECTION_ERRORS,
    BodyRefused,
    address,
    environment_proxy,
    open_session,
    read_body,
    request_headers,
)
from eapo_verl.settings.base import Endpoint
from eapo_verl.settings.redaction import others_words, redacted

_log = logging.getLogger(__name__)
_OFFERED_SHOWN = 3
#: What is asked.
QUERY = "1+1"


class ExpertsUnreachable(ValueError):
    """Which experts cannot be asked, and why, in one line."""


def preflight(endpoints: Sequence[Endpoint], timeout_s: float = 5.0) -> None:
    """Ask every endpoint for its list of models and then one query, all at once. Not from a running event loop.

    The query is short, and sent as those of the run are. What may pass (a busy server, one that is slow at first)
    is a warning in the log, and so is a list of models without the configured one: servers accept names that they do
    not list, and not every one has a list, or one that ends.

    Args:
        endpoints: the experts.
        timeout_s: seconds that an endpoint has to send its list, or to say that it has none; and to answer the query
            where it has done neither.

    Raises:
        ExpertsUnreachable: an endpoint is down, elsewhere, refuses its key or the query, or has no completions at its
            address.
        ValueError: a key is missing, an address malformed, or a proxy none that can be used.
    """
    troubles = asyncio.run(_troubles(endpoints, timeout_s))
    if troubles:
        raise ExpertsUnreachable("; ".join(troubles))


async def _troubles(endpoints: Sequence[Endpoint], timeout_s: float) -> list[str]:
    found = await asyncio.gather(*(_trouble_of_all(endpoint, timeout_s) for endpoint in endpoints))
    return [text for text in found if text]


async def _trouble_of_all(endpoint: Endpoint, timeout_s: float) -> str | None:
    """Why no server of the endpoint can be asked; one that cannot, beside others, may be about to be replaced."""
    servers = [endpoint.model_copy(update={"base_url": url}) for url in (endpoint.base_url, *endpoint.replica_urls)]
    found = await asyncio.gather(*(_trouble(one, timeout_s) for one in servers))
    told = [f"{_named(one)}: {text}" for one, text in zip(servers, found, strict=True) if text]
    if len(told) == len(servers):
        return told[0]
    for text in told:
        _log.warning("%s", text)
    return None


def _named(endpoint: Endpoint) -> str:
    return f"expert {endpoint.name} at {redacted(endpoint.base_url)}"


async def _trouble(endpoint: Endpoint, timeout_s: float) -> str | None:
    status, offered = 0, list[str]()
    unlisted: str | None = None
    try:
        async with asyncio.timeout(timeout_s):
            status, offered = await _models(endpoint)
    except TimeoutError:
        unlisted = f"no answer within {timeout_s:g} s"
    except CONNECTION_ERRORS as error:
        unlisted = f"cannot be reached ({type(error.__cause__ or error).__name__})"
    try:
        # Whoever has no list to send may answer all the same; but who does neither is not waited for twice as long.
        async with asyncio.timeout(timeout_s if unlisted else None):
            attempt = await _ask(endpoint)
    except TimeoutError:
        return unlisted
    missing = _not_offered(endpoint.model, offered)
    # Where the query has settled nothing, what the list said counts: a key that it refuses, say.
    refusal = _refusal(endpoint, attempt)
    if refusal is None and attempt.status is None:
        refusal = unlisted or _elsewhere(endpoint, status)
    if refusal is not None:
        return f"{refusal}; it {missing}" if missing and attempt.status not in (401, 403) else refusal
    if attempt.repeatable or not attempt.healthy:
        why = f": {attempt.reason}" if attempt.reason else ""
        _log.warning("%s: a first query %s (%s)%s", _named(endpoint), attempt.reply.outcome, attempt.reply.detail, why)
    if missing:
        _log.warning("%s: it %s", _named(endpoint), missing)
    return None


async def _models(endpoint: Endpoint) -> tuple[int, list[str]]:
    """The status of the endpoint's list of models, and the names in it; none where there is no list."""
    url = address(endpoint, "/models")
    async with (
        open_session(request_headers(endpoint), environment_proxy(url)) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        if response.status != 200:
            return response.status, []
        try:
            listed = _MODELS.decode(await read_body(response)).data
        except (BodyRefused, *CONNECTION_ERRORS, msgspec.MsgspecError, ValueError, RecursionError):
            listed = []
        return response.status, [model.id for model in listed]


async def _ask(endpoint: Endpoint) -> Attempt:
    client = ExpertClient(endpoint, BODY_MAX_BYTES)
    try:
        return await client.send(client.request([{"role": "user", "content": QUERY}], seed=0))
    finally:
        await client.close()


def _refusal(endpoint: Endpoint, attempt: Attempt) -> str | None:
    """Why every query will fail as the first one did; None where it did not, or where that may pass."""
    status, detail = attempt.status, attempt.reply.detail
    if status is None or (attempt.repeatable and detail != NOT_A_COMPLETION):
        return None
    if (elsewhere := _elsewhere(endpoint, status)) is not None:
        return elsewhere
    said = f"HTTP {status}{': ' if attempt.reason else ''}{attempt.reason}"
    if status in REFUSED:
        return f"refuses a query ({said}); request, extra_body and headers_env say what is sent"
    if status in (404, 405):
        return f"nothing answers at /chat/completions ({said}): is /v1 missing in base_url, or is the model not there?"
    if status >= 300:
        return f"does not answer a query ({said})"
    if not attempt.healthy:
        return f"answers a query with no completion that can be read ({detail}): is /v1 missing in base_url?"
    return None


def _elsewhere(endpoint: Endpoint, status: int) -> str | None:
    """What a response's status says of key and address, if anything."""
    if status in (401, 403):
        if endpoint.api_key_env is None and not endpoint.headers_env:
            return f"wants a key (HTTP {status}): name its environment variable in api_key_env"
        variables = ", ".join(filter(None, (endpoint.api_key_env, *endpoint.headers_env.values())))
        return f"refused the key in environment variable {variables} (HTTP {status})"
    if 300 <= status < 400:
        return f"sends its visitors elsewhere (HTTP {status}): give the address where it answers itself"
    return None


def _not_offered(model: str, offered: Sequence[str]) -> str | None:
    """What a list of models that are offered says against ``model``; a name may be a path, or end in a star."""
    names = [name.removeprefix("models/") for name in offered]
    if not names or any(model == name or (name[-1:] == "*" and model.startswith(name[:-1])) for name in names):
        return None
    shown = ", ".join(repr(others_words(name)[:80]) for name in offered[:_OFFERED_SHOWN])
    return f"does not offer model {model!r}; it offers {len(offered)}: {shown}"


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


_MODELS = msgspec.json.Decoder(_Models)
