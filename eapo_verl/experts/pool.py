"""Experts: stronger models behind OpenAI-compatible endpoints, asked a policy's own queries during training.

A reply that does not come is an outcome with a name, counted by the caller, never an exception of the rollout. What an
expert is shown is built by :func:`build_messages` from the problem's text and the policy's query, and nothing else:
no gold answer can get there.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from eapo_verl.experts.cache import ReplyCache
from eapo_verl.experts.client import Attempt
from eapo_verl.experts.conduct import NO_NUMBER, Question, question_put, reply_passed_on
from eapo_verl.experts.replicas import Replica, Replicas
from eapo_verl.experts.reply import Reply
from eapo_verl.experts.shown import part_shown
from eapo_verl.method.draws import uniform_draw
from eapo_verl.record.waits import Waits
from eapo_verl.settings.base import Endpoint, ExpertPoolSettings

_log = logging.getLogger(__name__)

# The longest wait between two attempts that no Retry-After asks for, in seconds. Not stated; our choice.
_BACKOFF_MAX_S = 8.0


def build_messages(problem: str, query: str, template: str) -> list[dict[str, str]]:
    """The chat that an expert sees. ``template`` holds ``{query}`` and perhaps ``{problem}``; both are plain text."""
    # Not str.format: a problem or a query may well contain braces.
    parts = template.split("{query}")
    content = query.join(part.replace("{problem}", problem) for part in parts)
    # Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a question mark.
    return [{"role": "user", "content": content.encode(errors="replace").decode()}]


def draw_order(endpoints: Sequence[Endpoint], seed: int) -> list[Endpoint]:
    """The endpoints in a random order that depends on ``seed`` alone, those of greater weight rather sooner.

    Each place goes to one of those left, with a probability in proportion to its weight.
    """

    # The smallest of exponential draws with the weights as rates: weighted sampling without replacement.
    def arrival(endpoint: Endpoint) -> float:
        return -math.log1p(-uniform_draw("expert order", seed, endpoint.name)) / endpoint.weight

    return sorted(endpoints, key=arrival)


@dataclass
class _Query:
    """One query on its way: what is asked, until when (the event loop's time), and what each attempt came to."""

    question: Question
    seed: int
    deadline: float
    tried: list[Reply] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        return bool(self.tried) and self.tried[-1].usable

    def reply(self) -> Reply:
        """What the last attempt came to, at the cost of all."""
        if not self.tried:
            return Reply("", "failed", detail="circuit open")
        if len(self.tried) == 1:
            return self.tried[0]
        return replace(
            self.tried[-1],
            tokens=sum(reply.tokens for reply in self.tried),
            prompt_tokens=sum(reply.prompt_tokens for reply in self.tried),
            cost=sum(reply.cost for reply in self.tried),
            flops=sum(reply.flops for reply in self.tried),
            attempts=sum(reply.attempts for reply in self.tried),
            failovers=sum(reply.failovers for reply in self.tried),
            tried=tuple(self.tried),
        )


class ExpertPool:
    """Asks any number of endpoints; the queries of one consultation go to different experts where there are enough.

    A query that fails at one endpoint (after its retries) goes to the next one, while the deadline allows. Where an
    endpoint has several servers, a query goes to the one with the fewest open requests and, if it fails there, at once
    to another: a fail-over, which is counted. A pool belongs to the event loop that it first asks in; ``close``, or the
    end of ``async with``, closes its connections.

    Args:
        endpoints: at least one, with names of their own.
        template: see :func:`build_messages`.
        settings: limits that hold for all endpoints; the defaults where there are none.
        journal: a folder of replies in place of ``settings.cache_dir``: of one expert, wherever it is served.
        thoughts: whether replies keep what stands before their last ``</think>``.
        waits: where it is told which experts are waited for.

    Raises:
        ValueError: no endpoint, a name given twice, a malformed address, a key that is missing, or a proxy that cannot
            be used.
        OSError: the folder of the cache cannot be created.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        template: str = "{query}",
        settings: ExpertPoolSettings | None = None,
        journal: Path | None = None,
        thoughts: bool = False,
        waits: Waits | None = None,
    ) -> None:
        if not endpoints:
            raise ValueError("an expert pool needs at least one endpoint")
        names = [endpoint.name for endpoint in endpoints]
        if len(set(names)) < len(names):
            raise ValueError(f"each expert needs a name of its own, got {', '.join(names)}")
        self._endpoints = tuple(endpoints)
        self._template = template
        self._settings = settings = settings or ExpertPoolSettings()
        self._replicas = {endpoint.name: Replicas(endpoint, settings, thoughts) for endpoint in endpoints}
        self._slots = {endpoint.name: asyncio.Semaphore(endpoint.max_concurrency) for endpoint in endpoints}
        folder = journal or settings.cache_dir
        self._cache = ReplyCache(folder) if folder is not None else None
        self._names_address = journal is None
        self._failures_told: set[tuple[str, str]] = set()
        self._waits = waits or Waits()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        for replicas in self._replicas.values():
            await replicas.close()

    async def ask(self, queries: Sequence[str | None], problem: str = "", seed: int = 0) -> list[Reply | None]:
        """Ask every query, at once or in turn, and return one reply a query, in order, within the deadline.

        Args:
            queries: what the policy wrote, one string a query. None is not asked, and its reply is None; the others are
                sent to the same experts with the same seeds, whether it is or not.
            problem: the problem's text.
            seed: of the choice of experts and of their sampling, so that a rerun asks the same.
        """
        deadline = asyncio.get_running_loop().time() + self._settings.deadline_s
        order = draw_order([each for each in self._endpoints if self._replicas[each.name].state != "open"], seed)
        asked = {
            index: _Query(Question(query, problem, self._template), seed + index, deadline)
            for index, query in enumerate(queries)
            if query is not None
        }
        answers = (self._ask_one(query, order, index) for index, query in asked.items())
        if self._settings.mode == "parallel":
            replies = await asyncio.gather(*answers)
        else:
            replies = [await answer for answer in answers]
        by_index = dict(zip(asked, replies, strict=True))
        return [by_index.get(index) for index in range(len(queries))]

    async def _ask_one(self, query: _Query, order: list[Endpoint], index: int) -> Reply:
        """Ask the endpoint whose turn it is, the ``index``-th, and the next ones until one is of use."""
        first = index % max(1, len(order))
        in_turn = order[first:] + order[:first]
        try:
            # A deadline that has passed would take effect only where something is waited for.
            if asyncio.get_running_loop().time() >= query.deadline:
                raise TimeoutError
            async with asyncio.timeout_at(query.deadline):
                for endpoint in in_turn:
                    await self._try_endpoint(endpoint, query, last_resort=endpoint is in_turn[-1])
                    if query.settled:
                        break
        except TimeoutError:
            if not query.settled:
                last = query.tried[-1].expert if query.tried else ""
                query.tried.append(Reply(last, "timed_out", detail="consultation deadline"))
        return query.reply()

    async def _try_endpoint(self, endpoint: Endpoint, query: _Query, last_resort: bool) -> None:
        """Ask one endpoint, and again where that may help."""
        for retry in range(endpoint.retries + 1):
            attempt = await self._attempt(endpoint, query)
            if attempt is None or not attempt.repeatable or retry == endpoint.retries:
                return
            # Waiting for a second timeout is worth it only where nobody else can be asked.
            if attempt.reply.outcome == "timed_out" and not last_resort:
                return
            # The whole of the backoff is random: those who failed together do not come back together.
            backoff_s = random.uniform(0, min(_BACKOFF_MAX_S, self._settings.backoff_s * 2.0 ** min(retry, 64)))
            wait_s = attempt.retry_after_s + backoff_s
            if wait_s >= query.deadline - asyncio.get_running_loop().time():
                return
            await asyncio.sleep(wait_s)

    async def _attempt(self, endpoint: Endpoint, query: _Query) -> Attempt | None:
        """One request, or its cached reply; None where the circuits of all of the endpoint's servers are open."""
        replicas = self._replicas[endpoint.name]
        put = question_put(endpoint.conduct, query.question, query.seed)
        if put is None:
            return self._settle(endpoint, query, Attempt(Reply(endpoint.name, "failed", detail=NO_NUMBER)))
        request = replicas.client.request(build_messages(put.problem, put.query, put.template), query.seed)
        # What is kept is cut already.
        key = {**request, "reply_max_bytes": self._settings.reply_max_bytes}
        if endpoint.parameter_names["seed"] is None:
            # Samples of one query are to differ all the same.
            key["unsent_seed"] = query.seed
        if self._names_address:
            key["address"] = endpoint.base_url.rstrip("/")
        if self._cache is not None and (cached := await asyncio.to_thread(self._cache.get, key)) is not None:
            return self._settle(endpoint, query, Attempt(replace(cached, expert=endpoint.name)))
        slots = self._slots[endpoint.name]
        with self._waits.on(f"a place among the {endpoint.max_concurrency} requests to expert {endpoint.name}"):
            await slots.acquire()
        try:
            attempt = await self._send(endpoint, query, request)
        finally:
            slots.release()
        if attempt is None:
            return None
        settled = self._settle(endpoint, query, attempt)
        if self._cache is not None:
            await asyncio.to_thread(self._cache.put, key, attempt.reply)
        return settled

    async def _send(self, endpoint: Endpoint, query: _Query, request: dict[str, Any]) -> Attempt | None:
        """One request to a server of the endpoint, and to the next where it fails; what the last one made of it."""
        replicas = self._replicas[endpoint.name]
        tried: list[Replica] = []
        replica = replicas.choose(tried)
        while replica is not None:
            began = time.monotonic()
            try:
                with replica.asked(), self._waits.on(f"expert {endpoint.name}"):
                    attempt = await replica.client.send(request)
            except asyncio.CancelledError:
                # The consultation's deadline: a request was sent, and the endpoint has not answered it.
                query.tried.append(Reply(endpoint.name, "timed_out", attempts=1, seconds=time.monotonic() - began))
                self._record(replica, query.tried[-1], healthy=False)
                raise
            attempt = replace(attempt, reply=replace(attempt.reply, seconds=time.monotonic() - began))
            tried.append(replica)
            self._record(replica, attempt.reply, attempt.healthy)
            # Waiting for a second timeout is no fail-over.
            failed = not attempt.healthy and attempt.reply.outcome == "failed"
            replica = replicas.choose(tried) if failed else None
            if replica is None:
                return attempt
            self._settle(endpoint, query, replace(attempt, reply=replace(attempt.reply, failovers=1)))
        return None

    def _settle(self, endpoint: Endpoint, query: _Query, attempt: Attempt) -> Attempt:
        """Note what the attempt came to, of the reply what the expert shows (in the cache it is as it came)."""
        shown = part_shown(endpoint.shows, attempt.reply)
        reply = reply_passed_on(endpoint.conduct, query.question.query, shown, query.seed)
        settled = replace(attempt, reply=reply)
        query.tried.append(reply)
        self._tell(endpoint, settled)
        return settled

    def _tell(self, endpoint: Endpoint, attempt: Attempt) -> None:
        """Log the first failure of each kind: here alone it is said why, in the server's words."""
        kind = endpoint.name, attempt.reply.detail
        if not attempt.reply.usable and kind not in self._failures_told:
            self._failures_told.add(kind)
            why = f": {attempt.reason}" if attempt.reason else ""
            _log.warning("expert %s: first query that %s (%s)%s", endpoint.name, attempt.reply.outcome, kind[1], why)

    def _record(self, replica: Replica, reply: Reply, healthy: bool) -> None:
        breaker = replica.breaker
        before = breaker.state
        breaker.record(healthy)
        if (after := breaker.state) != before:
            why = reply.detail or reply.outcome
            _log.warning("%s: circuit %s, was %s (%s)", replica.label, after, before, why)
