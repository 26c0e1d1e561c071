"""The action grammar: what the policy's text says it wants to do. Pure functions, no I/O.

A policy reasons privately and then closes one action: a consultation, ``<consult>query|query</consult>``, or an
answer, ``\\boxed{...}`` or a last line ``Answer: ...``. The strings are configurable, since a model may have its own.
Every reading takes time in proportion to the length of the text, whatever the text.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import NamedTuple

from pydantic import field_validator, model_validator

from eapo_verl.settings.base import Settings, Text, Words, is_blank
from tasks.boxes import boxed_answer, final_part

# All but tab and newline: a terminal, a log or a tokeniser may give them a meaning that the text does not show.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: Of thoughts and answers, whatever the tags are (:mod:`tasks.boxes`).
FIXED = ("<think>", "</think>", "\\boxed{", "\\fbox{")


class Tags(Settings):
    """The strings of the grammar.

    ``unavailable`` is the one text for a reply that is not shown, ``answer_prefix`` opens the last line of an answer
    that stands in no box. None is blank, but that a separator may be a line break. A tag or the separator stands
    neither inside another one, which would make a text ambiguous, nor inside ``unavailable``, ``answer_prefix`` or what
    else a text is read by (``FIXED``).
    """

    consult_open: Words = "<consult>"
    consult_close: Words = "</consult>"
    separator: Text = "|"
    reply_open: Words = "<reply>"
    reply_close: Words = "</reply>"
    unavailable: Words = "unavailable"
    answer_prefix: Words = "Answer:"

    @field_validator("separator")
    @classmethod
    def _to_be_seen(cls, value: str) -> str:
        if is_blank(value) and value != "\n":
            raise ValueError(f"it is blank (got {value!r}); needed is text, or a line break alone")
        return value

    @model_validator(mode="after")
    def _told_apart(self) -> "Tags":
        for inner, outer in (
            *permutations(self.structure, 2),
            *product(self.structure, (self.unavailable, self.answer_prefix, *FIXED)),
            *product(FIXED, self.structure),
        ):
            if inner in outer:
                raise ValueError(f"tags have to be told apart, but {inner!r} is part of {outer!r}")
        return self

    @property
    def structure(self) -> tuple[str, ...]:
        """The strings by which a text is taken apart."""
        return (*self.markup, self.separator)

    @property
    def markup(self) -> tuple[str, ...]:
        """The strings that an expert's reply may never carry into the policy's context."""
        return (self.consult_open, self.consult_close, self.reply_open, self.reply_close)


#: What may be wrong with the form of a consultation, by the names of :class:`Consult`'s counts.
FAULTS = ("empty", "duplicated", "excess", "nested")


@dataclass(frozen=True)
class Consult:
    """A closed consultation. ``queries`` are distinct, non-empty and at most K; what is wrong with it is counted.

    Attributes:
        queries: what is asked, in the policy's order.
        empty: queries without a letter or a digit, which ask nothing, dropped.
        duplicated: repetitions of a query, asked once.
        excess: distinct queries beyond K, dropped.
        nested: opening tags before the one that counts, since the last closing tag.
    """

    queries: tuple[str, ...]
    empty: int = 0
    duplicated: int = 0
    excess: int = 0
    nested: int = 0


@dataclass(frozen=True)
class Answer:
    """A closed answer: the text inside the last balanced box, or of the last line where there is no box."""

    text: str


@dataclass(frozen=True)
class Continue:
    """No action is closed: the policy is still reasoning, or stopped without an answer."""

    unclosed_consultation: bool = False


def parse_action(text: str, tags: Tags | None = None, max_queries: int = 3) -> Consult | Answer | Continue:
    """Read the action that ``text``, what the policy wrote in this turn, closes.

    What stands inside ``<think>...</think>`` is reasoning; a consultation may be closed there, since a model that
    thinks in that way consults while it thinks. The last closed action counts. A nested opening tag starts the
    consultation anew, empty queries are dropped, repeated ones are asked once, and those beyond ``max_queries`` are
    dropped: each is counted, none is an error.

    An answer is what stands in a box (:mod:`tasks.boxes`), or without one in a last line ``Answer: ...``. That plain
    form ends a rollout and no more: what a rollout earns is the task's to say.

    Raises:
        ValueError: ``max_queries`` is below 1.
    """
    if max_queries < 1:
        raise ValueError(f"max_queries is at least 1, got {max_queries}")
    tags = tags or Tags()
    close = text.rfind(tags.consult_close)
    opening = text.rfind(tags.consult_open, 0, close) if close >= 0 else -1
    if opening >= 0:
        # The first closing tag behind it: a further one closes nothing, and belongs to no query.
        close = text.find(tags.consult_close, opening)
    rest = text[close + len(tags.consult_close) :] if opening >= 0 else text
    answer = boxed_answer(rest)
    if answer is None:
        answer = _plain_answer(rest, tags)
    if answer is not None:
        return Answer(answer)
    if opening < 0:
        return Continue(unclosed_consultation=tags.consult_open in text)
    closed_before = text.rfind(tags.consult_close, 0, opening)
    nested = text.count(tags.consult_open, max(0, closed_before), opening)
    return _consult(text[opening + len(tags.consult_open) : close].split(tags.separator), nested, max_queries)


def _consult(raw: list[str], nested: int, max_queries: int) -> Consult:
    stripped = [query.strip() for query in raw]
    # White space, punctuation and invisible characters are no question.
    filled = [query for query in stripped if any(map(str.isalnum, query))]
    distinct = list(dict.fromkeys(filled))
    return Consult(
        queries=tuple(distinct[:max_queries]),
        empty=len(stripped) - len(filled),
        duplicated=len(filled) - len(distinct),
        excess=max(0, len(distinct) - max_queries),
        nested=nested,
    )


def _plain_answer(text: str, tags: Tags) -> str | None:
    """What follows ``Answer:`` in the last non-empty line, without ``$``, outer spaces and a final period, or None."""
    line = final_part(text).rstrip().rpartition("\n")[2].lstrip()
    size = len(tags.answer_prefix)
    if line[:size].casefold() != tags.answer_prefix.casefold() or any(tag in line for tag in tags.markup):
        return None
    return line[size:].replace("$", "").strip().removesuffix(".").rstrip() or None


def format_replies(texts: Iterable[str | None], tags: Tags | None = None) -> str:
    """The environment's turn: one slot a query, in order; None (annealed, late, failed) is shown as "unavailable"."""
    return "".join(part.text for part in _turn(texts, tags or Tags()))


class Part(NamedTuple):
    """A piece of a text that is put together; ``foreign``: in an expert's words, and not in ours."""

    text: str
    foreign: bool = False


def _turn(texts: Iterable[str | None], tags: Tags) -> list[Part]:
    slots = [Part(tags.unavailable) if text is None else Part(text, foreign=True) for text in texts]
    between = [part for slot in slots for part in (Part(tags.separator), slot)]
    return [Part(tags.reply_open), *between[1:], Part(tags.reply_close)]


@dataclass(frozen=True)
class Neutralised:
    """An expert's words as they may enter the policy's context.

    Attributes:
        text: the safe words.
        removed: whether forbidden strings or control characters were taken out; a replaced separator does not count.
        capped: whether the words were cut.
    """

    text: str
    removed: bool
    capped: bool

    def within_turn(self, text: str | None) -> "Neutralised":
        """The same words as they stand in their turn (:func:`neutralise_turn`)."""
        return replace(self, text=text or "", removed=self.removed or text != self.text)


def neutralise(text: str, forbidden: Iterable[str], separator: str, max_characters: int) -> Neutralised:
    """Make an expert's words safe: no tag, no special token, no slot separator, no control character, capped.

    The cap comes first, so that the cost is bounded by it. A separator becomes a space (its removal would join two
    numbers into one). Removing one string can form another (``<con<consult>sult>``), so the text is built character by
    character and a forbidden string taken off its end as soon as it is complete.
    """
    capped = len(text) > max_characters
    encodable = text[:max_characters].encode("utf-8", "replace").decode("utf-8").strip()
    spaced = _CONTROL.sub("", encodable).replace(separator, " ")
    longest, endings = _endings((*forbidden, separator))
    kept: list[str] = []
    removed = _CONTROL.search(encodable) is not None
    for character in spaced:
        kept.append(character)
        if character in endings:
            tail = "".join(kept[-longest:])
            word = next((word for word in endings[character] if tail.endswith(word)), "")
            del kept[len(kept) - len(word) :]
            removed |= bool(word)
    return Neutralised("".join(kept).strip(), removed, capped)


def neutralise_turn(
    texts: Sequence[str | None], forbidden: Iterable[str], tags: Tags | None = None
) -> list[str | None]:
    """The slots of one turn without what would be forbidden in the turn as a whole.

    Each is safe by itself (:func:`neutralise`); together, ``<``, ``im_end`` and ``>`` may be a token around two bars.
    """
    safe = neutralise_parts(_turn(texts, tags or Tags()), forbidden)
    return [None if text is None else slot for text, slot in zip(texts, safe[1:-1:2], strict=True)]


def neutralise_parts(parts: Sequence[Part], forbidden: Iterable[str]) -> list[str]:
    """The text of each part; foreign ones lose what would complete a forbidden string with their neighbours.

    What is ours stays whole, and so does a forbidden string that is all ours. Linear in the length of the text, as
    :func:`neutralise` is.
    """
    longest, endings = _endings(tuple(forbidden))
    # Characters, each with the number of its part where that is foreign.
    kept: list[tuple[str, int | None]] = []

    def forged() -> int:
        """The length of the forbidden string that ends here and is not all ours; 0: none does."""
        words = endings.get(kept[-1][0], ()) if kept else ()
        tail = "".join(character for character, _ in kept[-longest:]) if words else ""
        found = (len(word) for word in words if tail.endswith(word))
        return next((size for size in found if any(owner is not None for _, owner in kept[-size:])), 0)

    for number, part in enumerate(parts):
        for character in part.text:
            kept.append((character, number if part.foreign else None))
            while size := forged():
                kept[-size:] = [one for one in kept[-size:] if one[1] is None]
    written: dict[int | None, list[str]] = {}
    for character, owner in kept:
        written.setdefault(owner, []).append(character)
    return ["".join(written.get(number, ())) if part.foreign else part.text for number, part in enumerate(parts)]


@functools.cache
def _endings(forbidden: tuple[str, ...]) -> tuple[int, dict[str, tuple[str, ...]]]:
    """The length of the longest word, and the words, longest first, by their last character."""
    words = sorted({*forbidden} - {""}, key=len, reverse=True)
    return len(words[0]) if words else 0, {
        last: tuple(word for word in words if word[-1] == last) for last in {w[-1] for w in words}
    }
