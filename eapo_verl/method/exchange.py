"""What a consultation came to, query by query, as a reader of the rollout wants to know it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from eapo_verl.experts.reply import Fate, Reply, fate_of


@dataclass(frozen=True)
class Asked:
    """One query of a consultation.

    Attributes:
        query: what the policy asked.
        fate: what became of it.
        expert: name of the endpoint that was asked last; empty where none was.
        reply: the expert's words as the policy was shown them; None where it was shown "unavailable".
    """

    query: str
    fate: Fate
    expert: str = ""
    reply: str | None = None


@dataclass(frozen=True)
class Exchange:
    """A consultation that the policy closed.

    Attributes:
        asked: its queries; there may be none.
        let_through: whether it went out; otherwise nobody was asked.
        confidence: of the policy where it closed it; None where that was not measured.
    """

    asked: tuple[Asked, ...]
    let_through: bool
    confidence: float | None = None

    @classmethod
    def held_back(cls, queries: Sequence[str], confidence: float | None = None) -> "Exchange":
        """The consultation was gated."""
        return cls(tuple(Asked(query, "gated") for query in queries), False, confidence)

    @classmethod
    def settled(
        cls,
        queries: Sequence[str],
        replies: Sequence[Reply | None],
        may_show: Sequence[bool],
        texts: Sequence[str | None],
        confidence: float | None = None,
    ) -> "Exchange":
        """The consultation went out; the arguments are in the order of the queries, one each.

        Args:
            queries: what was asked.
            replies: None where nobody was asked.
            may_show: whether the schedule lets the reply be shown.
            texts: what was shown of it; None for "unavailable".
            confidence: see the class.
        """
        rows = zip(queries, replies, may_show, texts, strict=True)
        return cls(
            tuple(
                Asked(query, fate_of(reply, shown), reply.expert if reply else "", text)
                for query, reply, shown, text in rows
            ),
            True,
            confidence,
        )
