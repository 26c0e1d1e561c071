"""One request to one endpoint, through the official ``openai`` client, read as what became of it.

Servers are not trusted: a body may be endless, no JSON, or JSON of another form. Each is a failed reply with a detail
in our own words.
"""

import asyncio
import email.utils
import itertools
import math
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import httpx2
import openai
from pydantic import BaseModel, Field

from eapo_verl.api_keys import read_api_key
from eapo_verl.reply import Outcome, Reply
from eapo_verl.settings import Endpoint

# Bytes of a response's body. Not stated; our choice: far above any completion, far below what hurts 64 times at once.
BODY_MAX_BYTES = 16 * 2**20

# A client looks at every one of its connections for each request; with hundreds, that costs more than all else.
_CONNECTIONS_PER_CLIENT = 32

# The endpoint is well, but will not have this request (too long, say); another one may.
_REFUSED = (400, 413, 422)
_TOO_MANY_REQUESTS = 429
_TRANSIENT = (408, 409, _TOO_MANY_REQUESTS)


class BodyTooLarge(openai.OpenAIError):
    """A response's body is longer than ``BODY_MAX_BYTES``."""


class _LimitedBody(httpx2.AsyncByteStream):
    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for chunk in self._body:
            received += len(chunk)
            if received > BODY_MAX_BYTES:
                raise BodyTooLarge(f"more than {BODY_MAX_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


async def _distrust(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _LimitedBody(response.stream)
    # A server may call its text anything, also what no decoder takes; errors are decoded by the client.
    response.encoding = "utf-8"


def make_client(endpoint: Endpoint) -> openai.AsyncOpenAI:
    """A client that sends each request once and never reads more than ``BODY_MAX_BYTES``; it has no timeout of its own.

    Raises:
        ValueError: the endpoint's key is missing, or its address is malformed.
    """
    try:
        return openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=read_api_key(endpoint),
            # The client's own retries neither know our deadline nor give way to another endpoint, and its timeouts
            # bound single reads, not the whole of a reply that trickles in.
            max_retries=0,
            timeout=None,
            # Compressed, a small body could become an endless one.
            default_headers={"Accept-Encoding": "identity"},
            http_client=openai.DefaultAsyncHttpxClient(event_hooks={"response": [_distrust]}),
        )
    except httpx2.InvalidURL as error:
        raise ValueError(f"expert {endpoint.name}: base_url {endpoint.base_url}: {error}") from error


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
    """Sends requests to one endpoint.

    Args:
        endpoint: where to, with which limits and prices.
        reply_max_bytes: longer texts are cut (UTF-8).

    Raises:
        ValueError: see :func:`make_client`.
    """

    def __init__(self, endpoint: Endpoint, reply_max_bytes: int) -> None:
        self._endpoint = endpoint
        self._reply_max_bytes = reply_max_bytes
        clients = math.ceil(endpoint.max_concurrency / _CONNECTIONS_PER_CLIENT)
        self._clients = itertools.cycle([make_client(endpoint) for _ in range(clients)])

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
        try:
            async with asyncio.timeout(self._endpoint.timeout_s):
                client = next(self._clients)
                # As chat.completions.create, but for its checking of the request's form, a quarter of its time.
                response = await client.post("/chat/completions", cast_to=httpx2.Response, body=request)
        except TimeoutError:
            reply = Reply(self._endpoint.name, "timed_out", attempts=1, detail="request timeout")
            return Attempt(reply, healthy=False, repeatable=True)
        except openai.APIStatusError as error:
            status = error.status_code
            return Attempt(
                self._failed(f"{type(error).__name__} {status}"),
                healthy=status in _REFUSED or status == _TOO_MANY_REQUESTS,
                repeatable=status in _TRANSIENT or status >= 500,
                retry_after_s=read_retry_after(error.response.headers),
            )
        except openai.OpenAIError as error:
            repeatable = isinstance(error, openai.APIConnectionError)
            return Attempt(self._failed(type(error).__name__), healthy=False, repeatable=repeatable)
        return self._read(response.content)

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
        return Attempt(
            Reply(self._endpoint.name, outcome, shown, tokens, prompt_tokens, dollars, 1, capped, detail=detail)
        )


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
    prompt_tokens: int | None = Field(None, ge=0)
    completion_tokens: int | None = Field(None, ge=0)


class _Completion(BaseModel):
    """What of a chat completion is read; servers differ in the rest."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage | None = None
