"""lm-eval models whose responses take several turns of the policy, one by the name of each procedure."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, cast

from lm_eval.api.registry import register_model
from vllm.outputs import CompletionOutput

import tasks
from baselines import procedures
from baselines.procedure import Procedure, Replies, Turn
from eapo_verl.engine.vocabulary import added_tokens
from eapo_verl.experts.reply import Reply
from eapo_verl.method.draws import sampling_seed, turn_seed
from eapo_verl.method.grammar import Part
from eapo_verl.settings.base import Endpoint
from workflow.sampling.engine import Drawing, Keep, SeededVLLM, ended
from workflow.sampling.experts import Experts
from workflow.sampling.journal import Completion

# Seconds between two looks whether an expert has answered, while the engine has nothing to do.
_LOOK_S = 0.01


@register_model(*procedures.names())
class SeveralTurns(SeededVLLM):
    """:class:`SeededVLLM` with responses that a procedure brings about: same seeds, same journal, a sample a line.

    Procedures are coroutines, and so many are under way at once that the engine's batch is full while some wait for
    experts. A sample is kept when it is finished; one that is interrupted begins anew, and as every turn has a seed of
    its own (`turn_seed`), and every question to experts has, it comes out the same where experts answer the same.
    """

    def __init__(
        self,
        *,
        procedure: Procedure,
        replies: Replies | None,
        endpoints: Sequence[Endpoint],
        system_prompt: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.procedure = procedure
        self._replies = replies
        self._endpoints = endpoints
        self._system = [{"role": "system", "content": system_prompt}] if system_prompt is not None else []
        #: Who waits for what the engine writes, by the name that the engine has for it.
        self._waiting: dict[str, asyncio.Future[CompletionOutput]] = {}

    def draw(self, samples: Sequence[Drawing], keep: Keep) -> None:
        """Draws `samples` by the procedure. Raises SamplingError where experts fail more often than is borne."""
        asyncio.run(self._draw(samples, keep))

    async def _draw(self, samples: Sequence[Drawing], keep: Keep) -> None:
        todo = iter(samples)
        async with AsyncExitStack() as stack:
            experts = None
            if self._replies is not None:
                experts = Experts(self._endpoints, self._replies, added_tokens(self.tokenizer))
                await stack.enter_async_context(experts)

            async def work() -> None:
                for drawing in todo:
                    keep(drawing, await _Sample(self, drawing, experts).completion())

            # Twice what the engine takes at once: the others wait for experts, or in its queue.
            turns = 2 * self.model.llm_engine.vllm_config.scheduler_config.max_num_seqs
            working = asyncio.gather(*(work() for _ in range(max(1, turns // self.procedure.width))))
            while not working.done():
                if self.busy:
                    for name, output in self.step():
                        self._waiting.pop(name).set_result(output)
                    await asyncio.sleep(0)
                else:
                    await asyncio.wait([working], timeout=_LOOK_S)
            await working

    def prompt(self, user: str, begun: str) -> list[int]:
        """Tokens of the chat that asks `user`, up to and with the `begun` of the policy's message."""
        chat = [*self._system, {"role": "user", "content": user}]
        return cast(list[int], self.tok_encode(self.apply_chat_template(chat) + begun, add_special_tokens=False))

    async def written(self, tokens: list[int], drawing: Drawing, seed: int, **changes: Any) -> CompletionOutput:
        """What the policy writes behind `tokens`; `changes` are of the sampling parameters."""
        name = self.enqueue(tokens, self.parameters(drawing, seed, **changes))
        self._waiting[name] = asyncio.get_running_loop().create_future()
        return await self._waiting[name]


class _Sample:
    """A sample in the making, as a procedure sees it (`baselines.procedure.Sample`)."""

    def __init__(self, model: SeveralTurns, drawing: Drawing, experts: Experts | None) -> None:
        self._model = model
        self._drawing = drawing
        self._experts = experts
        self._tokens = 0
        self._replies: list[Reply] = []
        # Of the document that lm-eval hands on these two alone: it holds the answer, too.
        self.prompt = cast(str, drawing.request.doc["prompt"])
        self.task = tasks.task(cast(str, drawing.request.doc["task"]))
        self.seed = drawing.seed
        self.max_tokens = cast(int, model.parameters(drawing, drawing.seed).max_tokens)

    async def completion(self) -> Completion:
        """The response, and what it took."""
        response = await self._model.procedure.respond(self)
        return Completion(
            response=response.text,
            n_tokens=self._tokens,
            finish_reason="length" if response.cut else "stop",
            expert_tokens=sum(reply.tokens for reply in self._replies),
            expert_prompt_tokens=sum(reply.prompt_tokens for reply in self._replies),
            expert_requests=sum(reply.attempts for reply in self._replies),
            expert_replies=dict(Counter(reply.outcome for reply in self._replies)),
            tokens_of_experts=_tokens(self._replies),
        )

    async def write(
        self,
        user: str,
        *place: int,
        begun: str = "",
        max_tokens: int | None = None,
        stop: str | None = None,
        banned: str | None = None,
    ) -> Turn:
        tokens = self._model.prompt(user, begun)
        limit = min(max_tokens or self.max_tokens, self._model.max_length - len(tokens))
        if limit < 1:
            return Turn("", cut=True)
        asked = self._model.parameters(self._drawing, self.seed)
        changes: dict[str, Any] = {"max_tokens": limit}
        if stop is not None:
            changes["stop"] = [*(asked.stop or ()), stop]
        if banned is not None:
            changes["bad_words"] = [*(asked.bad_words or ()), banned]
        output = await self._model.written(tokens, self._drawing, turn_seed(self.seed, *place), **changes)
        self._tokens += len(output.token_ids)
        stopped = stop is not None and output.stop_reason == stop
        return Turn(output.text, ended(output, self._drawing) == "length", stopped)

    async def ask(self, question: str, number: int | None, rewritten: Callable[[str], str] = str) -> list[str]:
        experts = self._asked()
        replies = await experts.ask(question, number, sampling_seed("expert", self.seed))
        self._replies += replies
        return experts.shown(replies, rewritten)

    async def consult(self, queries: Sequence[str], *place: int) -> list[str | None]:
        experts = self._asked()
        replies = await experts.consult(queries, sampling_seed("expert", self.seed, *place))
        self._replies += replies
        return experts.turn(replies)

    def joined(self, parts: Sequence[Part]) -> str:
        return self._asked().joined(parts)

    def _asked(self) -> Experts:
        if self._experts is None:
            raise RuntimeError("a procedure that asks experts says so by its attribute asks")
        return self._experts


def _tokens(replies: Sequence[Reply]) -> dict[str, int]:
    """What each expert wrote; all attempts at a reply count as the last one's."""
    tokens: Counter[str] = Counter()
    for reply in replies:
        if reply.tokens:
            tokens[reply.expert] += reply.tokens
    return dict(tokens)
