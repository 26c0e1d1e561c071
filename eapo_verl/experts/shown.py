"""Experts that show the result and hide the way to it, as an API that keeps its model's reasoning to itself. Pure.

``shows`` of an expert is a regular expression, and whoever asks gets nothing else of its reply: of the last match
outside its thoughts in which there is anything to see, the group that took part (of several the last), or without a
group all of it. The pool cuts every reply to that, whoever asks and for what, so that the rest gets into no
consultation, no solution to learn from and no workflow. What the expert has written is paid for as ever.
"""

import re
from dataclasses import replace

from eapo_verl.experts.completion import without_thoughts
from eapo_verl.experts.reply import Reply

#: Why a reply fails of which nothing can be shown.
NOTHING_TO_SHOW = "nothing to show"


def part_shown(shows: str | None, reply: Reply) -> Reply:
    """``reply`` with that part of its text; as it is where all is shown, or where it is no answer.

    Without such a match the query has failed, and is counted so; also where the reply was cut, since the last match
    of a beginning is no result.
    """
    if shows is None or reply.outcome != "answered":
        return reply
    matches = (found[found.lastindex or 0] for found in re.finditer(shows, without_thoughts(reply.text)))
    parts = [part for part in matches if part.strip()]
    if reply.capped or not parts:
        return replace(reply, outcome="failed", text="", detail=NOTHING_TO_SHOW)
    return replace(reply, text=parts[-1])
