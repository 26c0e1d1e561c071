"""Self-consistency (2203.11171): independent responses, of which the majority's answer counts."""

import asyncio
from typing import Literal

from pydantic import Field

from baselines.procedure import Procedure, Sample, Turn
from baselines.procedures.vote import elected


class SelfConsistency(Procedure):
    """The policy answers ``votes`` times, and a response with the majority's answer stands for all."""

    name: Literal["self_consistency"]
    votes: int = Field(ge=1)

    @property
    def width(self) -> int:
        """All votes."""
        return self.votes

    async def respond(self, sample: Sample) -> Turn:
        """The response that is elected (:mod:`baselines.procedures.vote`)."""
        drawn = (sample.write(sample.prompt, number) for number in range(self.votes))
        return elected(await asyncio.gather(*drawn), sample.task)
