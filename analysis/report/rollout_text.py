"""A rollout as plain text for a person: who said what stands in the margin.

What a model or a server wrote is shown with every character visible that a terminal or a browser could take for more
than text, and cut where it is long.
"""

from __future__ import annotations

import re
import textwrap

from analysis.intake.transcripts import REWARD_PARTS, Transcript, Turn

#: Characters of a line, and of the margin in it.
WIDTH, MARGIN = 100, 22
#: Characters that are shown of a long text: of its beginning, and of its end, where the answer is.
HEAD, TAIL = 1200, 600
#: Characters of a name that are shown.
NAME = 40
#: Control characters but newline; characters without width or of direction; line separators; lone surrogates.
_INVISIBLE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """The text, cut in the middle where it is long, with a character that nobody sees as ``\\u200b``."""
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]} [… {len(text) - HEAD - TAIL:,} characters left out …] {text[-TAIL:]}"
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def headline(one: Transcript) -> str:
    """Which rollout it is and how it ended, in one line."""
    phase = {"train": "training", "discarded": "training, discarded", "validation": "validation"}[one.phase]
    verdict = "right" if one.correct else "wrong"
    return f"step {one.step}, {phase}, problem {_name(one.prompt)}, rollout {one.rollout}: {verdict}"


def as_text(one: Transcript) -> str:
    """The rollout in lines of at most ``WIDTH`` characters: problem, hint, turns, queries with their fates, reward."""
    blocks = [("problem", one.problem)]
    if one.hint is not None:
        blocks.append(("hint", one.hint))
    for turn in one.turns:
        blocks += [("policy", turn.policy), ("consultation", _consultation(turn))]
        for number, query in enumerate(turn.queries, start=1):
            blocks.append((f"query {number}", query.query))
            by = f" by {_name(query.expert)}" if query.expert else ""
            shown = "(the policy is shown no reply)" if query.reply is None else query.reply
            blocks += [(f"fate {number}", _name(query.fate) + by), (f"reply {number}", shown)]
    blocks += [("policy, at the end", one.response), ("right answer", one.answer), ("reward", _reward(one))]
    return "\n".join([headline(one), *(line for name, text in blocks for line in _block(name, text))]) + "\n"


def _consultation(turn: Turn) -> str:
    decision = "let through" if turn.let_through else "held back, nobody was asked"
    sure = "" if turn.confidence is None else f"; confidence {turn.confidence:.4g}"
    return f"{len(turn.queries)} {'query' if len(turn.queries) == 1 else 'queries'}, {decision}{sure}"


def _reward(one: Transcript) -> str:
    total = sum(sign * one.reward[name] for name, sign in REWARD_PARTS.items())
    terms = ", ".join(f"{name} {sign * one.reward[name]:+.4g}" for name, sign in REWARD_PARTS.items())
    return f"{terms}; in all {total:+.4g}"


def _block(name: str, text: str) -> list[str]:
    rows = [
        row
        for line in visible(text).split("\n")
        for row in textwrap.wrap(line, WIDTH - MARGIN - 3, drop_whitespace=False, break_on_hyphens=False) or [""]
    ]
    return [f"{name if number == 0 else '':>{MARGIN}} | {row}".rstrip() for number, row in enumerate(rows)]


def _name(text: str) -> str:
    return visible(text.replace("\n", " "))[:NAME]
