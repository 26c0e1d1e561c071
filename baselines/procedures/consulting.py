"""Consultation as in training, at evaluation: the policy asks when it wants to, and goes on with what it is told."""

from typing import Literal

from pydantic import Field

from baselines.procedure import Procedure, Sample, Turn, filled
from eapo_verl.method.grammar import Consult, Tags, format_replies, parse_action
from eapo_verl.settings.method import Consultation


class Consulting(Procedure):
    """A policy's own turns with consultations between them; nothing holds one back, and every reply is shown.

    Attributes:
        turns: consultations, at most; afterwards the opening tag cannot be written.
        max_queries: K, of one consultation.
        query_prompt: what an expert is asked, with ``{query}`` and maybe ``{problem}``, the question as asked.
        tags: the strings of the grammar.
    """

    asks = True

    name: Literal["consulting"]
    turns: int = Field(ge=1)
    max_queries: int = Field(ge=1)
    query_prompt: str
    tags: Tags

    @classmethod
    def of(cls, consultation: Consultation) -> "Consulting":
        """As in training, with the turns that are stated for evaluation."""
        return cls(
            name="consulting",
            turns=consultation.turns.evaluation,
            max_queries=consultation.max_queries,
            query_prompt=consultation.query_prompt,
            tags=consultation.tags,
        )

    async def respond(self, sample: Sample) -> Turn:
        """The policy's words after the last reply: what an expert has said and the policy not repeated is no answer."""
        message = ""
        for number in range(self.turns):
            turn = await sample.write(sample.prompt, number, begun=message, stop=self.tags.consult_close)
            text = turn.text + (self.tags.consult_close if turn.stopped else "")
            action = parse_action(text, self.tags, self.max_queries)
            if not isinstance(action, Consult):
                return turn._replace(text=text)
            asked = [filled(self.query_prompt, query=query, problem=sample.prompt) for query in action.queries]
            message += text + format_replies(await sample.consult(asked, number) if asked else [], self.tags)
        return await sample.write(sample.prompt, self.turns, begun=message, banned=self.tags.consult_open)
