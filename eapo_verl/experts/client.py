"""One request to one endpoint, read as what became of it.

Whatever a server sends that is no completion is a failed reply with a detail in our own words.
"""

import asyncio
import email.utils
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import aiohttp
import orjson
from pydantic import BaseModel, Field

from eapo_verl.experts.http import BodyRefused, address, environment_proxy, open_session, read_body, request_headers
from eapo_verl.experts.reply import Outcome, Reply
from eapo_verl.record.costs import forward_flops
from eapo_verl.settings.base import Endpoint

# The endpoint is well, but will not have this request (too long, say); another one may.
_REFUSED = (400, 413, 422)
_TOO_MANY_REQUESTS = 429
_TRANSIENT = (408, 409, _TOO_MANY_REQUESTS)

# A count of tokens that no completion can have; it would spoil every sum.
_TOKENS_MAX = 10**9


@dataclass(frozen=True)
class Attempt:
    """What one request came to.

    Attributes:
        reply: with one attempt.
        healthy: whether the endpoint works, be it that it refused this request or wants fewer.
        repeatable: whether the same request may fare better at the same endpoint.
        retry_after_s: seconds that the endpoint asked to wait before.
    """

    reply: Reply
    healthy: bool = True
    repeatable: bool = False
    retry_after_s: float = 0.0


class ExpertClient:
    """Sends requests to one endpoint, all of them in one event loop; ``close`` gives its connections back.

    Args:
        endpoint: where to, with which limits and prices.
        reply_max_bytes: longer texts are cut (UTF-8).

    Raises:
        ValueError: the endpoint's key is missing, or its address is malformed.
    """

    def __init__(self, endpoint: Endpoint, reply_max_bytes: int) -> None:
        self._endpoint = endpoint
        self._reply_max_bytes = reply_max_bytes
        self._url = address(endpoint, "/chat/completions")
        self._proxy = environment_proxy(self._url)
        self._headers = request_headers(endpoint)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def request(self, messages: list[dict[str, str]], seed: int) -> dict[str, Any]:
        """The body of a request: the model, the messages and the sampling, and nothing else."""
        return {
            "model": self._endpoint.model,
            "messages": messages,
            "max_tokens": self._endpoint.max_tokens,
            "temperature": self._endpoint.temperature,
            "seed": seed,
        }

    async def send(self, request: dict[str, Any]) -> Attempt:
        """Send a request once; takes at most the endpoint's ``timeout_s``, and raises nothing but a cancellation."""
        if self._session is None:
            # A session belongs to the loop that it is made in, so not before there is one.
            self._session = open_session(self._headers, self._proxy)
        post = self._session.post(self._url, data=orjson.dumps(request), allow_redirects=False)
        try:
            async with asyncio.timeout(self._endpoint.timeout_s), post as response:
                if 200 <= response.status < 300:
                    return self._read(await read_body(response))
                return self._not_answered(response.status, response.headers)
        except TimeoutError:
            reply = Reply(self._endpoint.name, "timed_out", attempts=1, detail="request timeout")
            return Attempt(reply, healthy=False, repeatable=True)
        except BodyRefused as error:
            return Attempt(self._failed(str(error)), healthy=False)
        except aiohttp.ClientError:
            return Attempt(self._failed("connection failed"), healthy=False, repeatable=True)

    def _not_answered(self, status: int, headers: Mapping[str, str]) -> Attempt:
        return Attempt(
            self._failed(f"HTTP {status}"),
            healthy=status in _REFUSED or status == _TOO_MANY_REQUESTS,
            repeatable=status in _TRANSIENT or status >= 500,
            retry_after_s=read_retry_after(headers),
        )

    def _failed(self, detail: str) -> Reply:
        return Reply(self._endpoint.name, "failed", attempts=1, detail=detail)

    def _read(self, body: bytes) -> Attempt:
        try:
            completion = _Completion.model_validate_json(body)
        except ValueError:
            return Attempt(self._failed("not a completion"), healthy=False, repeatable=True)
        choice, usage = completion.choices[0], completion.usage or _Usage()
        prompt_tokens, tokens = usage.prompt_tokens or 0, usage.completion_tokens or 0
        dollars = (
            prompt_tokens * self._endpoint.price_per_million_input + tokens * self._endpoint.price_per_million_output
        ) / 1e6
        flops = forward_flops(self._endpoint.parameters or 0, prompt_tokens + tokens)
        text = choice.message.content or ""
        outcome: Outcome = "answered"
        detail = ""
        if choice.finish_reason == "length":
            # A model that thinks first may be cut before its first word.
            outcome, text, detail = "truncated", "", "max_tokens"
        elif not text.strip():
            outcome, text, detail = "failed", "", "empty reply"
        encoded = text.encode()
        # A character that the cut halves goes too.
        shown = encoded[: self._reply_max_bytes].decode(errors="ignore")
        capped = len(encoded) > self._reply_max_bytes
        counts = tokens, prompt_tokens, dollars
        return Attempt(Reply(self._endpoint.name, outcome, shown, *counts, 1, capped, detail=detail, flops=flops))


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


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = Field(None, ge=0, le=_TOKENS_MAX)
    completion_tokens: int | None = Field(None, ge=0, le=_TOKENS_MAX)


class _Completion(BaseModel):
    """What of a chat completion is read; servers differ in the rest."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage | None = None
