"""What a chat completion says, read without trust in who wrote it.

msgspec makes objects of what is declared here and of nothing else, so that a body costs time and memory in proportion
to its length, whatever it holds: a parser of everything takes a hundred times as much for a body of brackets.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from eapo_verl.experts.reply import TOKENS_MAX, Outcome
from tasks.boxes import final_part

# Ends of a reply that is cut: at max_tokens, or where the model's context ends (Mistral).
_CUT = ("length", "max_tokens", "model_length")
# Ends of one that is none, by the names that are in use; any other is told without its name.
_NO_END = ("abort", "content_filter", "error", "function_call", "insufficient_system_resource", "tool_calls")
# Parts of a content that are no thoughts.
_TEXTS = (None, "text", "output_text")


class NoCompletion(Exception):
    """The body is no chat completion."""


@dataclass(frozen=True)
class Completion:
    """What one says.

    Attributes:
        outcome: as of a :class:`~eapo_verl.experts.reply.Reply`, with ``detail`` in our own words.
        text: empty unless it answers.
        tokens: that were generated, as the server counts; 0 where it does not.
        prompt_tokens: that were read, likewise.
        finish_reason: in the server's words, where it is none that answers.
    """

    outcome: Outcome
    detail: str
    text: str
    tokens: int
    prompt_tokens: int
    finish_reason: str


def read_completion(body: bytes, thoughts: bool = False) -> Completion:
    """Read one; the answer is what follows the last ``</think>``.

    A completion that ends with any reason but "stop" is no answer (a server that gives none is taken to have stopped),
    nor is one of nothing but thoughts, in the text or in a field of their own.

    Args:
        body: JSON.
        thoughts: whether the answer is the whole text, thoughts included.

    Raises:
        NoCompletion: it is none, or counts tokens as nobody can.
    """
    try:
        parsed = _DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NoCompletion from error
    choice, usage = parsed.choices[0], parsed.usage or _Usage()
    written = _text(choice.message.content)
    answer = without_thoughts(written)
    reason = (choice.finish_reason or "stop").lower()
    outcome, detail, ending = _outcome(reason), "", ""
    if outcome == "truncated":
        # A model that thinks first may be cut before its first word.
        detail = "max_tokens"
    elif outcome == "failed":
        detail = f"finish_reason {reason}" if reason in _NO_END else "unknown finish_reason"
        ending = choice.finish_reason or ""
    elif not written.strip() and not choice.message.thinks:
        outcome, detail = "failed", "empty reply"
    elif not answer.strip() and not (thoughts and written.strip()):
        outcome, detail = "failed", "thoughts alone"
    text = "" if outcome != "answered" else written if thoughts else answer
    return Completion(outcome, detail, text, int(usage.completion_tokens or 0), int(usage.prompt_tokens or 0), ending)


def without_thoughts(written: str) -> str:
    """What follows the last ``</think>``, or the whole text where no thoughts begin it; blank for thoughts alone."""
    answer = final_part(written)
    return "" if answer == written and answer.lstrip().startswith("<think>") else answer


def _outcome(reason: str) -> Outcome:
    if reason in _CUT:
        return "truncated"
    return "answered" if reason == "stop" else "failed"


class _Part(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None


def _text(content: str | list[str | _Part] | None) -> str:
    if isinstance(content, list):
        parts = (part if isinstance(part, str) else part.text if part.type in _TEXTS else None for part in content)
        return "".join(part or "" for part in parts)
    return content or ""


_EMPTY = (b"", b"null", b'""', b"[]")


class _Message(msgspec.Struct):
    content: str | list[str | _Part] | None = None
    reasoning_content: msgspec.Raw = msgspec.Raw()
    reasoning: msgspec.Raw = msgspec.Raw()

    @property
    def thinks(self) -> bool:
        """Whether the server put thoughts into a field of their own."""
        return any(bytes(field) not in _EMPTY for field in (self.reasoning_content, self.reasoning))


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


# Some write whole numbers as 7.0.
_Tokens = (
    Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)]
    | Annotated[float, msgspec.Meta(ge=0, le=TOKENS_MAX, multiple_of=1)]
)


class _Usage(msgspec.Struct):
    prompt_tokens: _Tokens | None = None
    completion_tokens: _Tokens | None = None


class _Completion(msgspec.Struct):
    """What is read; servers differ in the rest."""

    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1)]
    usage: _Usage | None = None


_DECODER = msgspec.json.Decoder(_Completion)
