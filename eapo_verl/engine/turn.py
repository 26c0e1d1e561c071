"""One turn of the policy, written in as many pieces as the engine is halted while it writes.

verl's asynchronous trainer halts the engine for each update and hands back what every request has by then. Its own
client sends such a request again and forgets that it is the same turn: the seed would draw the same numbers anew, and
vLLM, which looks for a tag in what a request wrote itself, would miss one across a seam. Here both are seen to.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from verl.workers.rollout.replica import TokenOutput

from eapo_verl.method.draws import sampling_seed

#: verl's ``stop_reason`` of a request that the engine was halted in.
HALTED = "aborted"
#: Sends token ids to the engine, with sampling parameters.
Engine = Callable[[list[int], dict[str, Any]], Awaitable[TokenOutput]]


@dataclass(frozen=True)
class Tag:
    """The tag that a turn ends with, or that must not be written in it.

    Attributes:
        text: its characters.
        ids: its tokens.
        ends: whether the turn ends with it; otherwise it is banned.
    """

    text: str
    ids: list[int]
    ends: bool


@dataclass
class Turn:
    """What was written: ``log_probs`` are the engine's own, in nats, one a token or none.

    Attributes:
        fields: what verl says of it: of the last piece, ``min_global_steps`` of the first.
        reread: tokens that the engine read once more, since it had been halted.
    """

    ids: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    reread: int = 0

    def add(self, output: TokenOutput) -> None:
        """Append a piece."""
        if output.token_ids or not self.fields:
            first = self.fields if self.ids else output.extra_fields
            self.fields = output.extra_fields | {"min_global_steps": first.get("min_global_steps")}
        self.ids += output.token_ids
        self.log_probs += output.log_probs or []


async def write_turn(
    engine: Engine,
    prompt: list[int],
    params: dict[str, Any],
    key: tuple[int, ...],
    tag: Tag,
    decode: Callable[[list[int]], str],
    end_tokens: Collection[int],
) -> Turn:
    """Have the engine write a turn behind ``prompt``.

    Args:
        engine: which may be halted, and then takes requests up again by itself.
        prompt: token ids.
        params: of sampling; ``max_tokens`` is what the turn may have.
        key: what the turn is for; the seeds of its pieces are functions of it.
        tag: that ``params`` end the turn with, or ban.
        decode: token ids to text.
        end_tokens: with which the policy may end a turn.
    """
    turn, room = Turn(), int(params["max_tokens"])
    for piece in itertools.count():
        careful = piece > 0 and may_begin(tag, decode(turn.ids))
        seed = sampling_seed(*key, *((piece,) if piece else ()))
        changes: dict[str, Any] = {"max_tokens": 1 if careful else room - len(turn.ids), "seed": seed}
        if careful and not tag.ends and decode([*turn.ids, tag.ids[-1]]).endswith(tag.text):
            changes["logit_bias"] = {tag.ids[-1]: -100.0}
        output = await engine(prompt + turn.ids, params | changes)
        turn.reread += len(prompt) + len(turn.ids) if piece else 0
        turn.add(output)
        over = len(turn.ids) >= room or bool(turn.ids and turn.ids[-1] in end_tokens)
        over |= careful and tag.ends and tag.text in decode(turn.ids)
        if over or (output.stop_reason != HALTED and not careful):
            return turn
    raise AssertionError


def may_begin(tag: Tag, text: str) -> bool:
    """Whether ``text`` ends in what could be the beginning of the tag.

    There one token is asked for at a time, since the engine, which has to end with the tag or to keep it from being
    written, does not know how it began. (A banned tag that is one token has no beginning.)
    """
    if not tag.ends and len(tag.ids) == 1:
        return False
    return any(text.endswith(tag.text[:length]) for length in range(1, len(tag.text)))


async def whole(ask: Callable[[], Awaitable[TokenOutput]]) -> TokenOutput:
    """The answer to a request that makes sense as a whole alone: asked again where the engine was halted in it."""
    while (output := await ask()).stop_reason == HALTED:
        # Not at once, should an engine answer so without having taken the request up.
        await asyncio.sleep(1)
    return output
