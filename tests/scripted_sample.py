"""A sample in the making whose policy and experts are scripted, and the arms that ship, for tests of procedures."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from baselines.procedure import Procedure, Turn
from baselines.procedures import AnyProcedure
from eapo_verl.method.grammar import Part, neutralise_parts
from tasks import task
from workflow.methods import merged, methods


@dataclass(frozen=True)
class Written:
    """What the policy was given to go on from, and with which limits."""

    user: str
    place: tuple[int, ...]
    begun: str
    max_tokens: int | None
    stop: str | None
    banned: str | None = None


class ScriptedSample:
    """Stands for `baselines.procedure.Sample`; ``policy`` says what is written, ``experts`` answer in this order.

    A consultation is answered by as many of them as it has queries, and the rest of its queries by nobody.
    """

    prompt = "How many?"
    seed = 7
    max_tokens = 80
    task = task("integers")

    def __init__(self, policy: Callable[[Written], str | Turn], experts: Sequence[str] = ()) -> None:
        self._policy = policy
        self._experts = experts
        self.turns: list[Written] = []
        self.asked: list[tuple[str, int | None]] = []
        self.consulted: list[tuple[list[str], tuple[int, ...]]] = []

    async def write(
        self,
        user: str,
        *place: int,
        begun: str = "",
        max_tokens: int | None = None,
        stop: str | None = None,
        banned: str | None = None,
    ) -> Turn:
        turn = Written(user, place, begun, max_tokens, stop, banned)
        self.turns.append(turn)
        # Others take their turn meanwhile, as beside a real engine.
        await asyncio.sleep(0)
        text = self._policy(turn)
        return text if isinstance(text, Turn) else Turn(text, cut=False)

    async def ask(self, question: str, number: int | None, rewritten: Callable[[str], str] = str) -> list[str]:
        self.asked.append((question, number))
        await asyncio.sleep(0)
        return [rewritten(words) for words in self._experts]

    async def consult(self, queries: Sequence[str], *place: int) -> list[str | None]:
        self.consulted.append((list(queries), place))
        return [*self._experts, *[None] * len(queries)][: len(queries)]

    def joined(self, parts: Sequence[Part]) -> str:
        return "".join(neutralise_parts(parts, ["<|end|>"]))

    def respond(self, procedure: Procedure) -> Turn:
        """The response, after which every turn is of a place of its own."""
        response = asyncio.run(procedure.respond(self))
        assert len({turn.place for turn in self.turns}) == len(self.turns)
        return response


def shipped(arm: str, **changes: Any) -> Procedure:
    """The procedure of an arm that ships, with keys replaced at any depth."""
    return TypeAdapter(AnyProcedure).validate_python(merged(methods()[arm].changes["procedure"], changes))
