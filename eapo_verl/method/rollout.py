"""The growing token sequence of one rollout, with its loss mask and its counts. No engine, no I/O."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eapo_verl.experts.reply import FATES, Reply, Request, fate_of
from eapo_verl.method.exchange import Exchange
from eapo_verl.method.grammar import FAULTS, Answer, Consult, Continue, Neutralised
from eapo_verl.method.hints import FATES as HINT_FATES
from eapo_verl.method.internalization import TurnText
from tasks import Task

#: What is counted in a rollout; the fates add up to the queries.
COUNTS = (
    "consultations",
    "queries",
    *FATES,
    "answered",
    *FAULTS,
    *(f"hint_{fate}" for fate in HINT_FATES),
    "unclosed",
    "without_room",
    "neutralised",
    "capped",
    "cached",
    "expert_requests",
    "expert_failovers",
    "expert_tokens",
    "expert_prompt_tokens",
    "expert_tokens_cached",
    "expert_prompt_tokens_cached",
    "expert_tokens_scored",
)
_INTEGER = re.compile(r"-?\d+")


@dataclass
class Rollout:
    """Token ids are only ever appended. ``mask`` is 1 on what the policy wrote (and is trained on), else 0.

    Attributes:
        prompt: token ids.
        task: whose problem it is.
        hint: what the prompt holds of an expert's solution, if anything.
        begun: the training step that asked for it.
        ids: token ids of the response so far.
        mask: one number an id.
        log_probs: one an id, by the engine that sampled it (in nats); nan on what the policy did not write.
        turn_text: what the policy has written in the turn that is not over.
        turn_log_probs: of its tokens, where they were asked for.
        turn_confidence: where it closed a consultation, and that was measured.
        turns: the finished ones.
        exchanges: what the consultation at the end of each came to.
        sampled: how many of them the policy wrote.
        reread: token ids that the engine read once more, in order to measure the policy's confidence.
        counts: by the names of ``COUNTS``.
        steps: the training step whose policy wrote each turn, the last part of it where it was written in several.
        thresholds: of confidence, in force where it closed a consultation.
        confidences: of the policy, where it closed a consultation.
        requests: that were sent to experts for it.
        low_confidence: whether one of them that was let through was below the threshold; None where there was none to
            hold against it.
        seconds: by phase, in verl's names.
        engine_fields: what the rollout engine said beside the tokens.
    """

    prompt: list[int]
    task: Task
    hint: str | None = None
    begun: int = 1
    ids: list[int] = field(default_factory=list)
    mask: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    turn_text: str = ""
    turn_log_probs: list[float] = field(default_factory=list)
    turn_confidence: float | None = None
    turns: list[TurnText] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    sampled: int = 0
    reread: int = 0
    expert_cost: float = 0.0
    expert_flops: float = 0.0
    steps: list[int] = field(default_factory=list)
    thresholds: list[float | None] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    low_confidence: bool | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    engine_fields: dict[str, Any] = field(default_factory=dict)

    def force(self, ids: list[int], text: str) -> None:
        """Open the policy's turn with tokens that it did not choose; they are not trained on."""
        self.ids += ids
        self.mask += [0] * len(ids)
        self.log_probs += [math.nan] * len(ids)
        self.turn_text += text

    def append_policy(self, ids: list[int], text: str, log_probs: list[float], engine_fields: dict[str, Any]) -> None:
        """Append what the policy wrote; ``engine_fields`` hold ``global_steps``, the step that made its weights."""
        self.ids += ids
        self.mask += [1] * len(ids)
        self.sampled += len(ids)
        self.log_probs += log_probs or [math.nan] * len(ids)
        self.turn_text += text
        self.turn_log_probs = log_probs
        # verl records the span of model versions that a trajectory was generated with.
        first = self.engine_fields.get("min_global_steps", engine_fields.get("min_global_steps"))
        self.engine_fields |= engine_fields | {"min_global_steps": first}
        self.steps.append(int(engine_fields["global_steps"]) + 1)

    def append_replies(self, ids: list[int], accepted: tuple[str, ...], trained: bool) -> None:
        """End the policy's turn with the environment's; its tokens are masked from the loss unless ``trained``."""
        self.ids += ids
        self.mask += [int(trained)] * len(ids)
        self.log_probs += [math.nan] * len(ids)
        self.turns.append(TurnText(self.turn_text, accepted))
        self.turn_text = ""
        self.turn_log_probs = []
        self.turn_confidence = None

    def count_action(self, action: Consult | Answer | Continue) -> None:
        """Count what is wrong with the form of a turn's action."""
        if isinstance(action, Consult):
            for name in FAULTS:
                self.counts[name] += getattr(action, name)
        elif isinstance(action, Continue):
            self.counts["unclosed"] += action.unclosed_consultation

    def count_unasked(self, queries: int) -> None:
        """Count a consultation that reached nobody: not let through, or without a query."""
        self.counts["consultations"] += 1
        self.counts["queries"] += queries
        self.counts["gated"] += queries

    def count_replies(
        self, replies: Sequence[Reply | None], accepted: Sequence[bool], shown: Sequence[Neutralised | None]
    ) -> None:
        """Count a consultation's replies.

        Args:
            replies: None where nobody was asked.
            accepted: which of them may be shown.
            shown: as the policy sees them, None where it sees none.
        """
        self.counts["consultations"] += 1
        self.counts["queries"] += len(replies)
        for reply, may_be_shown, words in zip(replies, accepted, shown, strict=True):
            self.counts[fate_of(reply, may_be_shown)] += 1
            if reply is None:
                continue
            self.counts["answered"] += reply.outcome == "answered"
            # By either limit, on what the expert sent or on what is shown: one reply.
            self.counts["capped"] += reply.capped or (words is not None and words.capped)
            self.counts["neutralised"] += words is not None and words.removed
            self.counts["cached"] += reply.cached
            self.counts["expert_requests"] += reply.attempts
            self.counts["expert_failovers"] += reply.failovers
            self.counts["expert_tokens"] += reply.tokens - reply.cached_tokens
            self.counts["expert_prompt_tokens"] += reply.prompt_tokens - reply.cached_prompt_tokens
            self.counts["expert_tokens_cached"] += reply.cached_tokens
            self.counts["expert_prompt_tokens_cached"] += reply.cached_prompt_tokens
            self.expert_cost += reply.cost
            self.expert_flops += reply.flops
            self.requests += reply.requests

    def all_turns(self) -> list[TurnText]:
        """The finished turns and the last one."""
        return [*self.turns, TurnText(self.turn_text)]

    def facts(self, response_length: int) -> dict[str, Any]:
        """Everything that is logged of the rollout; ``response_length`` is the room that a response has, in tokens."""
        response_tokens = min(len(self.ids), response_length)
        return self.counts | {
            "expert_cost": self.expert_cost,
            "expert_flops": self.expert_flops,
            "begun": self.begun,
            "steps": self.steps,
            "thresholds": self.thresholds,
            "confidences": self.confidences,
            "requests": self.requests,
            "low_confidence": self.low_confidence,
            "copied": self._copied(),
            "policy_tokens": self.sampled,
            "policy_prompt_tokens": len(self.prompt) + response_tokens - self.sampled,
            "policy_tokens_reread": self.reread,
            "response_tokens": response_tokens,
            # Replies may run past the end of a response.
            "cut_tokens": max(0, len(self.ids) - response_length),
        }

    def _copied(self) -> bool | None:
        """Whether the answer equals an accepted reply's; None where no reply was accepted."""
        replies = [reply for turn in self.turns for reply in turn.accepted]
        if not replies:
            return None
        answer = self.task.extract(self.turn_text)
        return answer is not None and answer in [reply_answer(self.task, reply) for reply in replies]


def reply_answer(task: Task, reply: str) -> str | None:
    """The answer that a reply states, as the task reads it, else the last number in its text; None without either."""
    stated = task.extract(reply)
    found = _INTEGER.findall(reply)
    if stated is not None or not found:
        return stated
    try:
        return task.normalise(found[-1])
    except ValueError:
        return None
