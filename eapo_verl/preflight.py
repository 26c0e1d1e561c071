"""Before any engine starts: is every expert there, does it take its key, and does it offer its model?"""

import asyncio
from collections.abc import Sequence

import openai
from pydantic import BaseModel

from eapo_verl.expert_client import make_client
from eapo_verl.settings import Endpoint

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
        ExpertsUnreachable: an endpoint is down, refuses its key, or lists models, but not the configured one.
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
        async with make_client(endpoint) as client, asyncio.timeout(timeout_s):
            listing = (await client.models.with_raw_response.list()).content
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        if endpoint.api_key_env is None:
            return f"wants a key (HTTP {error.status_code}): name its environment variable in api_key_env"
        return f"refused the key in environment variable {endpoint.api_key_env} (HTTP {error.status_code})"
    except openai.APIStatusError:
        return None
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except openai.OpenAIError as error:
        return f"cannot be reached ({type(error.__cause__ or error).__name__})"
    offered = _offered(listing)
    if not offered or endpoint.model in offered:
        return None
    shown = ", ".join(repr(name[:80]) for name in offered[:_OFFERED_SHOWN])
    return f"does not offer model {endpoint.model!r}; it offers {len(offered)}: {shown}"


def _offered(listing: bytes) -> list[str]:
    try:
        return [model.id for model in _Models.model_validate_json(listing).data]
    except ValueError:
        return []


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]
