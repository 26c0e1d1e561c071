"""The expert-assisted workflow that EAPO is compared with: draft, ask, reconcile, whatever the question."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

from pydantic import Field, model_validator

from baselines.procedure import Procedure, Rewrite, Sample, Turn, filled, filled_parts, holding, rewritten
from eapo_verl.method.grammar import Part
from eapo_verl.settings.base import Settings, Text
from tasks.boxes import final_part

_DRAFT, _RECONCILE = 0, 1


class Prompts(Settings):
    """What is said to experts and policy, templates of plain text.

    Attributes:
        ask: all that an expert is shown, with ``{prompt}``, the question as its task asks it.
        reply: one expert's answer, ``{reply}``; ``{number}`` counts those that are shown.
        separator: between two of them.
        nobody: stands where no expert has answered.
        reconcile: the user's message of the last turn, with ``{prompt}``.
        begun: what the policy's last message begins with. This or ``reconcile`` holds ``{replies}``, and may hold
            ``{draft}``, the policy's own first answer without its thoughts; where neither does, none is written.
        rewrite: regular expressions and what takes the place of what they match, in answers and draft as they are
            shown, and in the ``{prompt}`` of ``begun``: for a policy that reads one form alone.
    """

    ask: Annotated[Text, holding("prompt")]
    reply: Annotated[Text, holding("reply")]
    separator: str
    nobody: str
    reconcile: Annotated[Text, holding("prompt")]
    begun: str
    rewrite: Rewrite = ()

    @model_validator(mode="after")
    def _shows_replies(self) -> "Prompts":
        if "{replies}" not in self.reconcile + self.begun:
            raise ValueError("reconcile or begun has to contain {replies}")
        return self

    @property
    def show_draft(self) -> bool:
        """Whether the policy is shown its draft."""
        return "{draft}" in self.reconcile + self.begun


class ExpertWorkflow(Procedure):
    """The policy drafts while experts answer the same question; then it reconciles what there is.

    Attributes:
        answers: K, answers by experts; None: one of each of the arm's.
        draft_tokens: None: as many as a response has.
    """

    asks = True

    name: Literal["expert_workflow"]
    answers: int | None = Field(ge=1)
    draft_tokens: int | None = Field(ge=1)
    prompts: Prompts

    def longest(self, prompt: str) -> str:
        """What the policy reconciles by."""
        return "".join(part.text for parts in self._reconciling(prompt, "", []) for part in parts)

    async def respond(self, sample: Sample) -> Turn:
        """What the policy writes at last, with whatever answers have come."""
        question = filled(self.prompts.ask, prompt=sample.prompt)
        draft, replies = await asyncio.gather(
            self._draft(sample), sample.ask(question, self.answers, partial(rewritten, rules=self.prompts.rewrite))
        )
        user, begun = self._reconciling(sample.prompt, draft, replies)
        return await sample.write(sample.joined(user), _RECONCILE, begun=sample.joined(begun))

    async def _draft(self, sample: Sample) -> str:
        if not self.prompts.show_draft:
            return ""
        draft = await sample.write(sample.prompt, _DRAFT, max_tokens=self.draft_tokens)
        return rewritten(final_part(draft.text).strip(), self.prompts.rewrite)

    def _reconciling(self, prompt: str, draft: str, replies: Sequence[str]) -> tuple[list[Part], list[Part]]:
        """The user's message of the last turn, and the beginning of the policy's."""
        prompts = self.prompts
        shown = [
            part
            for number, text in enumerate(replies, 1)
            for part in (
                Part(prompts.separator),
                *filled_parts(prompts.reply, "reply", [Part(text, foreign=True)], number=number),
            )
        ][1:] or [Part(prompts.nobody)]
        return (
            filled_parts(prompts.reconcile, "replies", shown, draft=draft, prompt=prompt),
            filled_parts(prompts.begun, "replies", shown, draft=draft, prompt=rewritten(prompt, prompts.rewrite)),
        )
