"""Before any engine starts: is every expert there, does it take its key, and does it offer its model?"""

import asyncio
from collections.abc import Sequence

import aiohttp
from pydantic import BaseModel

from eapo_verl.experts.http import BodyRefused, address, environment_proxy, open_session, read_body, request_headers
from eapo_verl.settings.base import Endpoint

_OFFERED_SHOWN = 3


class ExpertsUnreachable(ValueError):
    """Which experts cannot be asked, and why, in one line."""


def preflight(endpoints: Sequence[Endpoint], timeout_s: float = 5.0) -> None:
    """Ask every endpoint for its list of models, all at once. Not to be called from a running event loop.

    A server that answers without such a list counts as up: not every one has it.

    Args:
        endpoints: the experts.
        timeout_s: seconds that an endpoint has to answer.

    Raises:
        ExpertsUnreachable: an endpoint is down, elsewhere, refuses its key, or lists models, but not the configured
            one.
        ValueError: a key is missing, or an address malformed.
    """
    troubles = asyncio.run(_troubles(endpoints, timeout_s))
    if troubles:
        raise ExpertsUnreachable("; ".join(troubles))


async def _troubles(endpoints: Sequence[Endpoint], timeout_s: float) -> list[str]:
    found = await asyncio.gather(*(_trouble(endpoint, timeout_s) for endpoint in endpoints))
    return [
        f"expert {each.name} at {each.base_url}: {text}" for each, text in zip(endpoints, found, strict=True) if text
    ]


async def _trouble(endpoint: Endpoint, timeout_s: float) -> str | None:
    try:
        status, listing = await asyncio.wait_for(_models(endpoint), timeout_s)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except BodyRefused as error:
        return f"sends a list of models that cannot be read ({error})"
    except aiohttp.ClientError as error:
        return f"cannot be reached ({type(error.__cause__ or error).__name__})"
    if status in (401, 403):
        if endpoint.api_key_env is None:
            return f"wants a key (HTTP {status}): name its environment variable in api_key_env"
        return f"refused the key in environment variable {endpoint.api_key_env} (HTTP {status})"
    if 300 <= status < 400:
        return f"sends its visitors elsewhere (HTTP {status}): give the address where it answers itself"
    offered = _offered(listing)
    if not offered or endpoint.model in offered:
        return None
    shown = ", ".join(repr(name[:80]) for name in offered[:_OFFERED_SHOWN])
    return f"does not offer model {endpoint.model!r}; it offers {len(offered)}: {shown}"


async def _models(endpoint: Endpoint) -> tuple[int, bytes]:
    """The status of the endpoint's list of models, and the list, where there is one."""
    url = address(endpoint, "/models")
    async with (
        open_session(request_headers(endpoint), environment_proxy(url)) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        return response.status, await read_body(response) if response.status == 200 else b""


def _offered(listing: bytes) -> list[str]:
    try:
        return [model.id for model in _Models.model_validate_json(listing).data]
    except ValueError:
        return []


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]
