"""Self-consistency (2203.11171): independent responses, of which the majority's answer counts."""

import asyncio
import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from baselines.procedure import Procedure, Sample, Turn, Worth
from baselines.procedures.vote import elected


class SelfConsistency(Procedure):
    """The policy answers ``votes`` times, and a response with the majority's answer stands for all.

    Attributes:
        votes: how many; None: as many as ``match`` comes to.
        match: votes that cost what a sample of another arm costs; of no account where ``votes`` are stated.
    """

    name: Literal["self_consistency"]
    votes: int | None = Field(ge=1)
    match: Worth | None = None

    @model_validator(mode="after")
    def _some_number(self) -> "SelfConsistency":
        if self.votes is None and self.match is None:
            raise ValueError("votes is null, and there is no match to compute it by")
        return self

    @property
    def width(self) -> int:
        """All votes."""
        assert self.votes is not None, "settled() comes first"
        return self.votes

    @property
    def worth(self) -> Worth | None:
        """``match``, where it decides."""
        return self.match if self.votes is None else None

    def settled(self, flops: Mapping[str, float]) -> tuple[Procedure, dict[str, float]]:
        """votes = ceil(FLOPs of a sample of ``arm`` / FLOPs of one of ``like``), so that no match gives less; the
        excess is what the rounding adds."""
        if self.worth is None:
            return self, {}
        sample, vote = flops[self.worth.arm], flops[self.worth.like]
        # Less than that is the rounding of the division.
        votes = max(1, math.ceil(sample / vote - 1e-9))
        came_to = {"votes": votes, "flops": sample, "flops_a_vote": vote, "flops_over": max(0.0, votes * vote - sample)}
        return self.model_copy(update={"votes": votes, "match": None}), came_to

    async def respond(self, sample: Sample) -> Turn:
        """The response that is elected (:mod:`baselines.procedures.vote`)."""
        drawn = (sample.write(sample.prompt, number) for number in range(self.width))
        return elected(await asyncio.gather(*drawn), sample.task)
