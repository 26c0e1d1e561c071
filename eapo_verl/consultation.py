"""The action grammar: what the policy's text says it wants to do. Pure functions, no I/O.

A policy reasons privately and then closes one action: a consultation, ``<consult>query|query</consult>``, or an
answer, ``\\boxed{...}``. The tags are configurable, since a model may have its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_BOXES = ("\\boxed{", "\\fbox{")


@dataclass(frozen=True)
class Tags:
    """The strings that open and close a consultation and a reply, and the one text for a reply that is not shown."""

    consult_open: str = "<consult>"
    consult_close: str = "</consult>"
    separator: str = "|"
    reply_open: str = "<reply>"
    reply_close: str = "</reply>"
    unavailable: str = "unavailable"

    def __post_init__(self) -> None:
        if any(not text for text in vars(self).values()):
            raise ValueError("a tag cannot be empty")

    @property
    def markup(self) -> tuple[str, ...]:
        """The strings that an expert's reply may never carry into the policy's context."""
        return (self.consult_open, self.consult_close, self.reply_open, self.reply_close)


@dataclass(frozen=True)
class Consult:
    """A closed consultation. ``queries`` are distinct, non-empty and at most K; the rest is counted here."""

    queries: tuple[str, ...]
    empty: int = 0
    duplicated: int = 0
    excess: int = 0


@dataclass(frozen=True)
class Answer:
    """A closed answer: the text inside the last balanced box."""

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

    Raises:
        ValueError: ``max_queries`` is below 1.
    """
    if max_queries < 1:
        raise ValueError(f"max_queries is at least 1, got {max_queries}")
    tags = tags or Tags()
    close = text.rfind(tags.consult_close)
    opening = text.rfind(tags.consult_open, 0, close) if close >= 0 else -1
    consult_end = close + len(tags.consult_close) if opening >= 0 else -1
    answer = extract_answer(text[consult_end:] if opening >= 0 else text)
    if answer is not None:
        return Answer(answer)
    if opening < 0:
        return Continue(unclosed_consultation=tags.consult_open in text)
    return _consult(text[opening + len(tags.consult_open) : close].split(tags.separator), max_queries)


def _consult(raw: list[str], max_queries: int) -> Consult:
    stripped = [query.strip() for query in raw]
    filled = [query for query in stripped if query]
    distinct = list(dict.fromkeys(filled))
    return Consult(
        queries=tuple(distinct[:max_queries]),
        empty=len(stripped) - len(filled),
        duplicated=len(filled) - len(distinct),
        excess=max(0, len(distinct) - max_queries),
    )


def extract_answer(text: str) -> str | None:
    """The content of the last balanced ``\\boxed{...}`` (or ``\\fbox{...}``) after the last ``</think>``, or None.

    One pass over the text: hostile input (a megabyte of braces) costs no more than its length.
    """
    text = text[text.rfind("</think>") + len("</think>") :] if "</think>" in text else text
    stack: list[int | None] = []
    last: str | None = None
    index = 0
    while index < len(text):
        box = next((form for form in _BOXES if text.startswith(form, index)), None) if text[index] == "\\" else None
        if box is not None:
            index += len(box)
            stack.append(index)
            continue
        if text[index] == "{":
            stack.append(None)
        elif text[index] == "}" and stack:
            start = stack.pop()
            # An inner box closes before the one around it; the outermost, latest one is the answer.
            if start is not None:
                last = text[start:index]
        index += 1
    return last


def format_replies(texts: Iterable[str | None], tags: Tags | None = None) -> str:
    """The environment's turn: one slot a query, in order; None (annealed, late, failed) is shown as "unavailable"."""
    tags = tags or Tags()
    slots = (tags.unavailable if text is None else text for text in texts)
    return tags.reply_open + tags.separator.join(slots) + tags.reply_close


def neutralise(text: str, forbidden: Iterable[str], separator: str, max_characters: int) -> str:
    """Make an expert's words safe in the policy's context: no tag, no special token, no slot separator, capped.

    Removing one string can form another (``<con<consult>sult>``), so removal runs until nothing is left to remove.
    """
    text = text.encode("utf-8", "replace").decode("utf-8")[:max_characters].replace(separator, " ").strip()
    words = [word for word in forbidden if word]
    while any(word in text for word in words):
        for word in words:
            text = text.replace(word, "")
    return text.strip()
