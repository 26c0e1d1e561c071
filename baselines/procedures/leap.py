"""LeaP (2505.07787): paths that think in parallel and, turn by turn, read what their peers have."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from baselines.procedure import Procedure, Rewrite, Sample, Turn, filled, holding, rewritten
from baselines.procedures.routing import Routing, routed
from baselines.procedures.vote import elected
from eapo_verl.method.draws import uniform_draw
from eapo_verl.settings.base import Settings, Text

# What is written in a turn of a path.
_THOUGHT, _SUMMARY, _ANSWER = range(3)


class Prompts(Settings):
    """What is put into a path's message, plain text; a path goes on behind it.

    Attributes:
        user: the user's message, with ``{prompt}``, the question as its task asks it.
        begun: what every path begins with.
        paragraph: ends a paragraph; what follows a turn's last one is unfinished, and dropped. A turn without one is
            kept whole.
        summarise: asks a path for its summary, which follows.
        summarised: ends a summary; the policy may write it itself.
        comments: shows peers' summaries, ``{comments}``.
        comment: one of them, ``{comment}``; ``{number}`` counts them.
        separator: between two of them.
        rewrite: regular expressions and what takes the place of what they match, in a summary as it is shown to peers.
        alone: stands where no peer has one.
        answer: asks for the answer of a path that has not come to one after the last turn.
    """

    user: Annotated[Text, holding("prompt")]
    begun: str
    paragraph: Text
    summarise: str
    summarised: str
    comments: Annotated[Text, holding("comments")]
    comment: Annotated[Text, holding("comment")]
    separator: str
    alone: str
    answer: str
    rewrite: Rewrite = ()


@dataclass
class _Path:
    """A path: its message so far, what of that the policy wrote itself but for summaries, and the newest of that."""

    number: int
    message: str
    own: str = ""
    thought: str = ""
    ended: bool = False

    def think(self, words: str) -> None:
        self.message += words
        self.own += words
        self.thought = words


class Leap(Procedure):
    """``paths`` of the policy, which leave when they come to an answer; then the answer of one of them, or of most.

    Attributes:
        paths: N.
        turns: at most, of a path.
        turn_tokens: T, of thought in a turn; None: of a response's tokens the share of one turn in ``turns``.
        summary_tokens: of a summary; None: an eighth of ``turn_tokens``; 0: no summary is written, and peers are shown
            what the path thought in the turn.
        answer_tokens: of an answer that is asked for after the last turn; None: an eighth of ``turn_tokens``.
        peers: k, whose summaries a path is shown; None: all.
        routing: which peers those are (:mod:`baselines.procedures.routing`).
        answer: of which path, be it the first or one with the majority's answer.
    """

    name: Literal["leap"]
    paths: int = Field(ge=1)
    turns: int = Field(ge=1)
    turn_tokens: int | None = Field(ge=1)
    summary_tokens: int | None = Field(ge=0)
    answer_tokens: int | None = Field(ge=1)
    peers: int | None = Field(ge=1)
    routing: Routing
    answer: Literal["vote", "first"]
    prompts: Prompts

    @property
    def width(self) -> int:
        """All paths."""
        return self.paths

    def longest(self, prompt: str) -> str:
        """What every path begins with."""
        return filled(self.prompts.user, prompt=prompt) + self.prompts.begun

    async def respond(self, sample: Sample) -> Turn:
        """The response of a path: what it wrote itself, but for its summaries."""
        user = filled(self.prompts.user, prompt=sample.prompt)
        tokens = self.turn_tokens or max(1, sample.max_tokens // self.turns)
        paths = going = [_Path(number, self.prompts.begun) for number in range(self.paths)]
        for turn in range(self.turns):
            last = turn == self.turns - 1
            await asyncio.gather(*(self._think(sample, user, path, turn, tokens, last) for path in going))
            going = [path for path in going if not path.ended]
            if going and not last:
                await self._exchange(sample, user, going, turn, tokens)
        answers = await asyncio.gather(*(self._answer(sample, user, path, tokens) for path in paths))
        return elected(answers, sample.task) if self.answer == "vote" else answers[0]

    async def _think(self, sample: Sample, user: str, path: _Path, turn: int, tokens: int, last: bool) -> None:
        place = (path.number, turn, _THOUGHT)
        thought = await sample.write(user, *place, begun=path.message, max_tokens=tokens)
        path.ended = not thought.cut
        whole = "".join(thought.text.rpartition(self.prompts.paragraph)[:2]) or thought.text
        path.think(thought.text if path.ended or last else whole)

    async def _exchange(self, sample: Sample, user: str, paths: Sequence[_Path], turn: int, tokens: int) -> None:
        """Have every path sum up, and show it what its peers have."""
        prompts = self.prompts
        written = await asyncio.gather(*(self._summary(sample, user, path, turn, tokens) for path in paths))
        summaries = {path.number: summary for path, summary in zip(paths, written, strict=True)}
        for path in paths:
            peers = {number: text for number, text in summaries.items() if number != path.number and text}
            draw = partial(uniform_draw, "route", sample.seed, turn, path.number)
            shown = routed(summaries[path.number], peers, self.peers, self.routing, draw)
            comments = [
                filled(prompts.comment, number=number, comment=rewritten(peers[peer], prompts.rewrite))
                for number, peer in enumerate(shown, 1)
            ]
            joined = prompts.separator.join(comments)
            path.message += filled(prompts.comments, comments=joined) if comments else prompts.alone

    async def _summary(self, sample: Sample, user: str, path: _Path, turn: int, tokens: int) -> str:
        limit = _eighth(tokens) if self.summary_tokens is None else self.summary_tokens
        if not limit:
            return path.thought.strip()
        path.message += self.prompts.summarise
        place = (path.number, turn, _SUMMARY)
        stop = self.prompts.summarised.strip() or None
        summary = await sample.write(user, *place, begun=path.message, max_tokens=limit, stop=stop)
        path.message += summary.text + self.prompts.summarised
        return summary.text.strip()

    async def _answer(self, sample: Sample, user: str, path: _Path, tokens: int) -> Turn:
        if path.ended:
            return Turn(path.own, cut=False)
        path.think(self.prompts.answer)
        place = (path.number, self.turns, _ANSWER)
        limit = self.answer_tokens or _eighth(tokens)
        answer = await sample.write(user, *place, begun=path.message, max_tokens=limit)
        path.think(answer.text)
        return Turn(path.own, answer.cut)


def _eighth(tokens: int) -> int:
    return max(1, tokens // 8)
