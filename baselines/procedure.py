"""How a sample comes about that takes several turns of the policy: the interface that no engine is needed for."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple, Protocol

from pydantic import AfterValidator, Field

from eapo_verl.method.grammar import Part, Tags
from eapo_verl.settings.base import ExpertPoolSettings, Name, Settings, Text
from eapo_verl.settings.method import Consultation
from tasks import Task


class Turn(NamedTuple):
    """What the policy wrote at one go.

    Attributes:
        text: without special tokens, and without the string that ended it.
        cut: whether it ended for want of tokens, be it that its limit or the context is full.
        stopped: whether the string ended it that it was given for that.
    """

    text: str
    cut: bool
    stopped: bool = False


class Sample(Protocol):
    """A sample in the making, of which all that is written and asked is counted."""

    @property
    def prompt(self) -> str:
        """The question as its task asks it; no gold answer can get there."""
        ...

    @property
    def task(self) -> Task:
        """What the question is."""
        ...

    @property
    def seed(self) -> int:
        """The sample's own, from which all of its draws are to follow."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of a response, by the experiment."""
        ...

    async def write(
        self,
        user: str,
        *place: int,
        begun: str = "",
        max_tokens: int | None = None,
        stop: str | None = None,
        banned: str | None = None,
    ) -> Turn:
        """Have the policy write.

        Args:
            user: the user's message, after the experiment's system prompt.
            place: tells this turn apart from every other one of the sample; the draw depends on it.
            begun: with which the policy's own message begins already.
            max_tokens: of this turn; None: those of a response. Fewer where the context has less room, and without
                any the turn is empty and cut.
            stop: ends the turn, beside the end of the message.
            banned: cannot be written in this turn, beside what cannot be in any.
        """
        ...

    async def ask(self, question: str, number: int | None, rewritten: Callable[[str], str] = str) -> list[str]:
        """Have experts answer, all at the same time.

        Args:
            question: all that they are shown.
            number: of answers, from one expert after the other in an order that the sample's seed shuffles; None: one
                of each.
            rewritten: puts what is shown of an answer into another form.

        Returns:
            the words of those that answered, without thoughts, neutralised and capped; what became of the others is
            counted. Where several get into one text, :meth:`joined` makes it.
        """
        ...

    def joined(self, parts: Sequence[Part]) -> str:
        """One text of its parts, in which experts' words make no tag or special token together, either."""
        ...

    async def consult(self, queries: Sequence[str], *place: int) -> list[str | None]:
        """Have experts answer several queries, all at the same time, different experts where there are enough.

        Args:
            queries: what is asked; an expert is shown one of them and nothing else.
            place: tells this consultation apart from every other one of the sample; whom it asks depends on it.

        Returns:
            an answer's words a query, as those of :meth:`ask`, and safe in one turn; None where none came.
        """
        ...


class Worth(Settings):
    """A number of responses that together cost what a sample of another arm costs.

    Attributes:
        arm: that arm.
        like: the arm that says what a response costs: its samples are single ones of the same policy.
    """

    arm: Name
    like: Name


class Procedure(Settings):
    """A way to a response; its fields are what an arm may say of it.

    Attributes:
        asks: whether experts are asked.
    """

    asks: ClassVar[bool] = False

    name: str

    @property
    def width(self) -> int:
        """How many turns of a sample are written at the same time."""
        return 1

    @property
    def worth(self) -> Worth | None:
        """What a number that is not stated follows from; None: all are stated."""
        return None

    def settled(self, flops: Mapping[str, float]) -> tuple["Procedure", dict[str, float]]:
        """The procedure with the number that ``worth`` comes to, and what the samples' provenance says of it.

        Args:
            flops: what a sample has cost on average, by the names of the arms in ``worth``.
        """
        return self, {}

    def longest(self, prompt: str) -> str:
        """The longest message that it begins with for a question, but for what policy and experts have written."""
        return prompt

    async def respond(self, sample: Sample) -> Turn:
        """The sample's response."""
        raise NotImplementedError


class Replies(Settings):
    """How experts are asked at evaluation, and what is shown of their words: the parts of ``consultation`` on that.

    Attributes:
        max_tokens: of an expert's answer; None: the expert's own limit, which is that of a query.
        max_characters: of one reply; longer ones are cut.
        tags: which no reply may carry into the policy's context.
        pool: limits and trouble.
    """

    max_tokens: int | None = Field(None, ge=1)
    max_characters: int = Field(ge=1)
    tags: Tags = Tags()
    pool: ExpertPoolSettings = ExpertPoolSettings()

    @classmethod
    def of(cls, consultation: Consultation, max_tokens: int | None = None) -> "Replies":
        """As in training, but for the length of an answer."""
        return cls(
            max_tokens=max_tokens,
            max_characters=consultation.reply_max_characters,
            tags=consultation.tags,
            pool=consultation.pool,
        )


def _rules(value: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    for pattern, replacement in value:
        try:
            re.sub(pattern, replacement, "")
        except (re.error, LookupError, OverflowError, RecursionError) as error:
            raise ValueError(f"{pattern!r} to {replacement!r} is no regular expression: {error}") from error
    return value


#: Regular expressions, and what takes the place of what each matches.
Rewrite = Annotated[tuple[tuple[Text, str], ...], AfterValidator(_rules)]


def filled(template: str, **values: Any) -> str:
    """``template`` with each ``{name}`` replaced, in one go: what is put in is not read again, nor other braces."""
    names = "|".join(map(re.escape, values))
    return re.sub(f"{{({names})}}", lambda match: str(values[match[1]]), template)


def filled_parts(template: str, name: str, within: Sequence[Part], **values: Any) -> list[Part]:
    """``template`` as :func:`filled` fills it, in parts: those ``within`` take the place of ``{name}``."""
    first, *others = [Part(filled(piece, **values)) for piece in template.split(f"{{{name}}}")]
    return [first, *(part for piece in others for part in (*within, piece))]


def rewritten(text: str, rules: Rewrite) -> str:
    """``text`` after each of the ``rules``, in their order."""
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    return text


def holding(name: str) -> AfterValidator:
    """A field's check that its template holds ``{name}``."""

    def check(template: str) -> str:
        if f"{{{name}}}" not in template:
            raise ValueError(f"it has to contain {{{name}}}")
        return template

    return AfterValidator(check)
