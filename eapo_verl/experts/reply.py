"""What becomes of one query to an expert: always a reply with a named outcome, never an exception of the rollout."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import Field

Outcome = Literal["answered", "timed_out", "failed", "truncated"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

#: What becomes of a query, once each: their counts add up to the queries. accepted and annealed: answered, and shown to
#: the policy or not; spared: not sent, since the reply would not have been shown; gated: the trigger held the whole
#: consultation back.
Fate = Literal["accepted", "annealed", "spared", "gated", "timed_out", "failed", "truncated"]
FATES: tuple[Fate, ...] = get_args(Fate)

#: A larger count of tokens is none that a reply can have, and would spoil every sum.
TOKENS_MAX = 10**9
_Tokens = Annotated[int, Field(ge=0, le=TOKENS_MAX)]


class Request(NamedTuple):
    """One request to an expert, and what it came to.

    Attributes:
        expert: name of the endpoint.
        tokens: that it generated, as its server counts; 0 where it did not answer.
        prompt_tokens: that it read, likewise.
        cost: of both, in US dollars.
        seconds: from sending it to its end, be that a reply, an error or a timeout.
    """

    expert: str
    tokens: int
    prompt_tokens: int
    cost: float
    seconds: float


@dataclass(frozen=True)
class Reply:
    """What became of one query. ``text`` is the expert's words, untrusted, empty unless ``outcome`` is "answered".

    Attributes:
        expert: name of the endpoint that was asked last; empty where none was.
        outcome: "answered"; "truncated" (cut at max_tokens: not shown, since half a solution misleads); "timed_out";
            "failed" (an HTTP or protocol error after all retries, a reply that is empty, all thoughts, without what
            its expert shows, or ended for another reason than that all is said, or no endpoint to ask).
        tokens: tokens that experts generated for this query, over all attempts, as their servers count them.
        prompt_tokens: tokens that experts read for it, likewise.
        cost: of both, in US dollars, at the endpoints' prices; 0 for a cached reply.
        flops: of both, by the endpoints' sizes (:mod:`eapo_verl.record.costs`); 0 for a cached reply, and where a size
            is unknown.
        attempts: requests that were sent.
        failovers: those of them that failed at one server of an expert, and went on to another of its servers at once.
        seconds: from the request to its end; of several the last one's. How long one takes is no part of what it is.
        tried: what each attempt came to, where there were several.
        capped: whether the text was longer than ``reply_max_bytes`` and was cut.
        cached: whether the reply comes from the cache.
        cached_tokens: those of ``tokens`` that were generated for an earlier query, whose reply this is.
        cached_prompt_tokens: those of ``prompt_tokens``, likewise.
        detail: why the reply is of no use, which the log says where an endpoint is left alone; never a server's words.
    """

    expert: str
    outcome: Outcome
    text: str = ""
    tokens: _Tokens = 0
    prompt_tokens: _Tokens = 0
    cost: float = 0.0
    attempts: int = 0
    capped: bool = False
    cached: bool = False
    detail: str = ""
    flops: float = 0.0
    cached_tokens: int = 0
    cached_prompt_tokens: int = 0
    failovers: int = 0
    seconds: float = field(default=0.0, compare=False)
    tried: tuple["Reply", ...] = field(default=(), compare=False, repr=False)

    @property
    def requests(self) -> list["Request"]:
        """Those that were sent for it, in order."""
        attempts = self.tried or (self,)
        return [
            Request(one.expert, one.tokens, one.prompt_tokens, one.cost, one.seconds)
            for one in attempts
            if one.attempts
        ]

    @property
    def usable(self) -> bool:
        """Whether the expert said something, so that no other has to be asked."""
        return self.outcome in ("answered", "truncated")


def fate_of(reply: Reply | None, may_show: bool) -> Fate:
    """The fate of a query that was not gated; ``reply`` is None where nobody was asked."""
    if reply is None:
        return "spared"
    if reply.outcome == "answered":
        return "accepted" if may_show else "annealed"
    return reply.outcome
