"""One request to one endpoint, read as what became of it.

Whatever a server sends that is no completion is a failed reply with a detail in our own words.
"""

import asyncio
import email.utils
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from eapo_verl.experts.api_keys import secrets_of
from eapo_verl.experts.completion import NoCompletion, read_completion
from eapo_verl.experts.http import (
    CONNECTION_ERRORS,
    BodyRefused,
    address,
    environment_proxy,
    open_session,
    read_body,
    read_reason,
    request_headers,
)
from eapo_verl.experts.reply import Reply
from eapo_verl.record.costs import forward_flops
from eapo_verl.settings.base import Endpoint
from eapo_verl.settings.redaction import others_words

# The endpoint is well, but will not have this request (too long, say); another one may.
REFUSED = (400, 413, 422)
_TOO_MANY_REQUESTS = 429
_TRANSIENT = (408, 409, _TOO_MANY_REQUESTS)
NOT_A_COMPLETION = "not a completion"


@dataclass(frozen=True)
class Attempt:
    """What one request came to.

    Attributes:
        reply: with one attempt.
        healthy: whether the endpoint works, be it that it refused this request or wants fewer.
        repeatable: whether the same request may fare better at the same endpoint.
        retry_after_s: seconds that the endpoint asked to wait before.
        status: of the HTTP response; None where none came.
        reason: why the reply is of no use in the server's words, one line without keys, for a log alone.
    """

    reply: Reply
    healthy: bool = True
    repeatable: bool = False
    retry_after_s: float = 0.0
    status: int | None = None
    reason: str = ""


class ExpertClient:
    """Sends requests to one endpoint, all of them in one event loop; ``close`` gives its connections back.

    Args:
        endpoint: where to, with which limits and prices.
        reply_max_bytes: longer texts are cut (UTF-8).
        thoughts: whether a reply keeps what stands before its last ``</think>``.

    Raises:
        ValueError: a key of the endpoint's is missing, its address is malformed, or no proxy that can be used leads
            there.
    """

    def __init__(self, endpoint: Endpoint, reply_max_bytes: int, thoughts: bool = False) -> None:
        self._endpoint = endpoint
        self._reply_max_bytes = reply_max_bytes
        self._thoughts = thoughts
        self._url = address(endpoint, "/chat/completions")
        self._proxy = environment_proxy(self._url)
        self._headers = request_headers(endpoint)
        self._secrets = secrets_of(endpoint)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def request(self, messages: list[dict[str, str]], seed: int) -> dict[str, Any]:
        """The body of a request: the model, the messages, the sampling, what the endpoint's settings add, no more."""
        endpoint = self._endpoint
        values = {"max_tokens": endpoint.max_tokens, "temperature": endpoint.temperature, "seed": seed}
        named = {name: values[parameter] for parameter, name in endpoint.parameter_names.items() if name is not None}
        return {"model": endpoint.model, "messages": messages, **named, **endpoint.extra_body}

    async def send(self, request: dict[str, Any]) -> Attempt:
        """Send a request once; takes at most the endpoint's ``timeout_s``, and raises nothing but a cancellation."""
        try:
            async with asyncio.timeout(self._endpoint.timeout_s):
                return await self._exchange(msgspec.json.encode(request))
        except TimeoutError:
            reply = Reply(self._endpoint.name, "timed_out", attempts=1, detail="request timeout")
            return Attempt(reply, healthy=False, repeatable=True)
        except CONNECTION_ERRORS as error:
            reason = type(error.__cause__ or error).__name__
            return Attempt(self._failed("connection failed"), healthy=False, repeatable=True, reason=reason)
        except Exception as error:
            # What a server can do to a client has no end: no rollout is lost for what nobody has thought of.
            place = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
            return Attempt(self._failed("client error"), healthy=False, reason=reason)

    async def _exchange(self, body: bytes) -> Attempt:
        if self._session is None:
            # A session belongs to the loop that it is made in, so not before there is one.
            self._session = open_session(self._headers, self._proxy)
        async with self._session.post(self._url, data=body, allow_redirects=False) as response:
            if not 200 <= response.status < 300:
                reason = await read_reason(response, self._secrets)
                return self._not_answered(response.status, response.headers, reason)
            try:
                return self._read(await read_body(response), response.status)
            except BodyRefused as error:
                return Attempt(self._failed(str(error)), healthy=False, status=response.status)
            except NoCompletion:
                reply = self._failed(NOT_A_COMPLETION)
                return Attempt(reply, healthy=False, repeatable=True, status=response.status)

    def _not_answered(self, status: int, headers: Mapping[str, str], reason: str) -> Attempt:
        return Attempt(
            self._failed(f"HTTP {status}"),
            healthy=status in REFUSED or status == _TOO_MANY_REQUESTS,
            repeatable=status in _TRANSIENT or status >= 500,
            retry_after_s=read_retry_after(headers),
            status=status,
            reason=reason,
        )

    def _failed(self, detail: str) -> Reply:
        return Reply(self._endpoint.name, "failed", attempts=1, detail=detail)

    def _read(self, body: bytes, status: int) -> Attempt:
        endpoint, said = self._endpoint, read_completion(body, self._thoughts)
        dollars = (
            said.prompt_tokens * endpoint.price_per_million_input + said.tokens * endpoint.price_per_million_output
        ) / 1e6
        encoded = said.text.encode()
        reply = Reply(
            endpoint.name,
            said.outcome,
            # A character that the cut halves goes too.
            encoded[: self._reply_max_bytes].decode(errors="ignore"),
            said.tokens,
            said.prompt_tokens,
            dollars,
            attempts=1,
            capped=len(encoded) > self._reply_max_bytes,
            detail=said.detail,
            flops=forward_flops(endpoint.parameters or 0, said.prompt_tokens + said.tokens),
        )
        return Attempt(reply, status=status, reason=others_words(said.finish_reason, self._secrets))


def read_retry_after(headers: Mapping[str, str]) -> float:
    """Seconds from now that a Retry-After header (seconds or an HTTP date) asks to wait; 0 without a legible one."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
