"""Experts: stronger models behind OpenAI-compatible endpoints, asked a policy's own queries during training.

A reply that does not come is an outcome with a name, counted by the caller, never an exception of the rollout. What an
expert is shown is built by :func:`build_messages` from the problem's text and the policy's query, and nothing else:
no gold answer can get there.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import openai

from eapo_verl.settings import Endpoint

Outcome = Literal["answered", "timed_out", "failed", "truncated"]
OUTCOMES: tuple[Outcome, ...] = ("answered", "timed_out", "failed", "truncated")


@dataclass(frozen=True)
class Reply:
    """What became of one query. ``text`` is the expert's words, untrusted, empty unless ``outcome`` is "answered".

    Attributes:
        expert: name of the endpoint that was asked.
        outcome: "answered"; "truncated" (cut at max_tokens: not shown, since half a solution misleads); "timed_out";
            "failed" (an HTTP or protocol error after all retries, or an empty reply).
        tokens: tokens that the expert generated, as its server counts them.
        detail: for the log: the error's class, or why the reply was not used.
    """

    expert: str
    outcome: Outcome
    text: str = ""
    tokens: int = 0
    detail: str = ""


def build_messages(problem: str, query: str, template: str) -> list[dict[str, str]]:
    """The chat that an expert sees. ``template`` holds ``{query}`` and perhaps ``{problem}``; both are plain text."""
    # Not str.format: a problem or a query may well contain braces.
    parts = template.split("{query}")
    return [{"role": "user", "content": query.join(part.replace("{problem}", problem) for part in parts)}]


def read_api_key(endpoint: Endpoint) -> str:
    """The endpoint's key from the environment; servers without authentication take any non-empty string.

    Raises:
        ValueError: the variable that the settings name is not set.
    """
    if endpoint.api_key_env is None:
        return "none"
    key = os.environ.get(endpoint.api_key_env, "")
    if not key:
        raise ValueError(
            f"expert {endpoint.name}: environment variable {endpoint.api_key_env} (api_key_env) is not set"
        )
    return key


class ExpertPool:
    """Asks any number of endpoints; the queries of one consultation go out together, to different experts in turn.

    Args:
        endpoints: at least one.
        template: see :func:`build_messages`.
        deadline_s: wall-clock limit of one consultation, whatever single requests and retries would take.

    Raises:
        ValueError: no endpoint, or a key that the settings name is missing from the environment.
    """

    def __init__(self, endpoints: Sequence[Endpoint], template: str = "{query}", deadline_s: float = 60.0) -> None:
        if not endpoints:
            raise ValueError("an expert pool needs at least one endpoint")
        self._endpoints = tuple(endpoints)
        self._template = template
        self._deadline_s = deadline_s
        self._clients = {
            endpoint.name: openai.AsyncOpenAI(
                base_url=endpoint.base_url,
                api_key=read_api_key(endpoint),
                timeout=endpoint.timeout_s,
                max_retries=endpoint.retries,
            )
            for endpoint in endpoints
        }
        self._slots = {endpoint.name: asyncio.Semaphore(endpoint.max_concurrency) for endpoint in endpoints}

    async def ask(self, queries: Sequence[str], problem: str, seed: int) -> list[Reply]:
        """Ask every query at once and return one reply a query, in order, within the deadline.

        Args:
            queries: what the policy wrote, one string a query.
            problem: the problem's text.
            seed: seed of the experts' sampling, so that a rerun asks the same.
        """
        first = seed % len(self._endpoints)
        asked = [self._endpoints[(first + offset) % len(self._endpoints)] for offset in range(len(queries))]
        tasks = [
            asyncio.create_task(self._ask_one(endpoint, query, problem, seed + offset))
            for offset, (endpoint, query) in enumerate(zip(asked, queries, strict=True))
        ]
        _, late = await asyncio.wait(tasks, timeout=self._deadline_s)
        for task in late:
            task.cancel()
        return [
            Reply(endpoint.name, "timed_out", detail="consultation deadline") if task in late else task.result()
            for endpoint, task in zip(asked, tasks, strict=True)
        ]

    async def _ask_one(self, endpoint: Endpoint, query: str, problem: str, seed: int) -> Reply:
        try:
            async with self._slots[endpoint.name]:
                completion = await self._clients[endpoint.name].chat.completions.create(
                    model=endpoint.model,
                    messages=build_messages(problem, query, self._template),  # type: ignore[arg-type]
                    max_tokens=endpoint.max_tokens,
                    temperature=endpoint.temperature,
                    seed=seed,
                )
        except openai.APITimeoutError as error:
            return Reply(endpoint.name, "timed_out", detail=type(error).__name__)
        except openai.OpenAIError as error:
            return Reply(endpoint.name, "failed", detail=type(error).__name__)
        tokens = completion.usage.completion_tokens if completion.usage else 0
        if not completion.choices or not (completion.choices[0].message.content or "").strip():
            return Reply(endpoint.name, "failed", tokens=tokens, detail="empty reply")
        if completion.choices[0].finish_reason == "length":
            return Reply(endpoint.name, "truncated", tokens=tokens, detail="max_tokens")
        return Reply(endpoint.name, "answered", text=completion.choices[0].message.content or "", tokens=tokens)
