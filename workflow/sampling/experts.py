"""Experts that answer while benchmarks are sampled, through the pool of the training runs."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from baselines.procedure import Replies
from eapo_verl.experts.health import FailureWindow, unavailable_message
from eapo_verl.experts.pool import ExpertPool
from eapo_verl.experts.reply import OUTCOMES, Reply
from eapo_verl.method.grammar import Part, neutralise, neutralise_parts, neutralise_turn
from eapo_verl.settings.base import Endpoint
from workflow.sampling.request import SamplingError

# Stands in no text that is neutralised: it is a control character.
_NEVER = "\0"


class Experts:
    """Who is asked, by the samples of one run of the sampler; an asynchronous context manager.

    They are asked in a thread, and a loop, of their own: the sampler's loop stands still while its engine computes, on
    a CPU for seconds, and a request would meet its server's end of an idle connection, or be late.

    `added_tokens` are texts that the policy's tokenizer would not read as text.
    """

    def __init__(self, endpoints: Sequence[Endpoint], replies: Replies, added_tokens: Sequence[str]) -> None:
        self._pool = ExpertPool(endpoints, settings=replies.pool)
        self._replies = replies
        self._forbidden = (*replies.tags.markup, *added_tokens)
        self._number = len(endpoints)
        self._narrowest = min(endpoint.max_concurrency for endpoint in endpoints)
        self._asking: dict[int, asyncio.Semaphore] = {}
        self._failures = FailureWindow(replies.pool.failure_window, replies.pool.failure_limit)
        self._outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="experts", daemon=True)
        self._serving = threading.Event()

    async def __aenter__(self) -> Experts:
        self._thread.start()
        await asyncio.to_thread(self._serving.wait)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        await asyncio.to_thread(self._thread.join)

    async def _serve(self) -> None:
        self._loop, self._closed = asyncio.get_running_loop(), asyncio.Event()
        self._serving.set()
        await self._closed.wait()
        await self._pool.close()

    async def ask(self, question: str, number: int | None, seed: int) -> list[Reply]:
        """`number` answers to one question, from each expert one where that is None; `seed` decides from whom.

        Raises SamplingError where more of the last answers have not come than the settings bear.
        """
        return await self.consult([question] * (number or self._number), seed)

    async def consult(self, queries: Sequence[str], seed: int) -> list[Reply]:
        """An answer to each of some queries; otherwise as :meth:`ask`."""
        number = len(queries)
        # A consultation's deadline counts from its beginning, and so must not begin before experts are free for it.
        of_each = -(-number // self._number)
        turn = self._asking.setdefault(of_each, asyncio.Semaphore(max(1, self._narrowest // of_each)))
        async with turn:
            asked = asyncio.run_coroutine_threadsafe(self._pool.ask(queries, seed=seed), self._loop)
            replies = [reply for reply in await asyncio.wrap_future(asked) if reply is not None]
        outcomes = Counter(reply.outcome for reply in replies)
        self._outcomes.update(outcomes)
        self._failures.add(number, outcomes["timed_out"] + outcomes["failed"])
        if self._failures.exceeded:
            raise SamplingError(unavailable_message(self._failures, self._outcomes, "What is drawn"))
        return replies

    def shown(self, replies: Sequence[Reply], rewritten: Callable[[str], str]) -> list[str]:
        """The words of those that answered, see :meth:`words`."""
        return [words for reply in replies if (words := self.words(reply, rewritten)) is not None]

    def turn(self, replies: Sequence[Reply]) -> list[str | None]:
        """The words of each, as they may stand in one turn; None for those that did not answer."""
        return neutralise_turn([self.words(reply) for reply in replies], self._forbidden, self._replies.tags)

    def joined(self, parts: Sequence[Part]) -> str:
        """One text of its parts, experts' words among them, in which these make no forbidden one together."""
        return "".join(neutralise_parts(parts, self._forbidden))

    def words(self, reply: Reply, rewritten: Callable[[str], str] = str) -> str | None:
        """An answer as the policy may read it, neutralised; None where none came."""
        if reply.outcome != "answered":
            return None
        limit = self._replies.max_characters
        safe = neutralise(reply.text, self._forbidden, self._replies.tags.separator, limit).text
        # What is taken out may leave a tag behind, and what is put in may be the separator, on purpose.
        return neutralise(rewritten(safe), self._forbidden, _NEVER, limit).text
