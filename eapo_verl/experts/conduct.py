"""Experts that are spoiled on purpose, so that it can be told what good ones are worth. Pure; the pool calls it.

What an expert is asked, and what of its reply is passed on, by its :class:`~eapo_verl.settings.base.Conduct`:

- ``wrong``: of every result that its reply states (a number behind ``=``, in the box that answers, or the last one of
  the text) the last digit is another. By how much follows from the query's text alone: whoever asks the same again gets
  the same wrong answer, with the same steps and in the same tone as a right one.
- ``another_problem``: in query and problem the last digit of every number is another, and what is replied to that is
  passed on as it is: a right answer, to a problem of the same form.
- ``sub_question``: the query alone is sent, whatever the template; passed on is the reply's result and no step: what it
  puts in a box, else its last number, else its last line.

A digit d becomes (d + r) mod 10, r in 1 to 9. Where there is no number to change, the query fails, and is counted so:
what was to be wrong may not be right. The paper has no such experts; all of this is our choice.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from eapo_verl.experts.reply import Reply
from eapo_verl.method.draws import uniform_draw
from eapo_verl.settings.base import Conduct
from tasks.boxes import boxed_answer

#: Why such a query fails.
NO_NUMBER = "no number to change"
_QUERY, _PROBLEM = "{query}", "{problem}"

# Possessive: whatever the text, the time is linear in its length.
_NUMBER = re.compile(r"(?<![0-9])[0-9]++(?:\.[0-9]++)?+")
_LAST = re.compile(rf"(?:(?<![0-9)])[-−])?{_NUMBER.pattern}(?=[^0-9]*\Z)")
_BEHIND_EQUALS = re.compile(rf"=[\s$]*+[-+−]?{_NUMBER.pattern}")


class Question(NamedTuple):
    """What an expert is asked: the policy's query, the problem that it is about, and the template of both."""

    query: str
    problem: str
    template: str


def question_put(conduct: Conduct, question: Question, seed: int) -> Question | None:
    """The question that is sent in place of ``question``; None where it had to be another one and cannot.

    Args:
        conduct: the expert's.
        question: as any other expert would be asked.
        seed: of the query.
    """
    if not _is_spoiled(conduct, seed):
        return question
    if conduct.kind == "sub_question":
        return question._replace(template=_QUERY)
    if conduct.kind == "another_problem":
        by = _shift(question.query)
        query, problem = (_shifted(text, _numbers(text), by) for text in (question.query, question.problem))
        differs = query != question.query or (_PROBLEM in question.template and problem != question.problem)
        return question._replace(query=query, problem=problem) if differs else None
    return question


def reply_passed_on(conduct: Conduct, query: str, reply: Reply, seed: int) -> Reply:
    """What the policy's side gets of ``reply``; one that is no answer as it is. Its cost is that of what was said."""
    if reply.outcome != "answered" or not _is_spoiled(conduct, seed):
        return reply
    if conduct.kind == "sub_question":
        return replace(reply, text=_result(reply.text))
    if conduct.kind == "wrong":
        places = _stated(reply.text)
        if not places:
            return replace(reply, outcome="failed", text="", detail=NO_NUMBER)
        return replace(reply, text=_shifted(reply.text, places, _shift(query)))
    return reply


def _is_spoiled(conduct: Conduct, seed: int) -> bool:
    return conduct.kind != "honest" and uniform_draw("conduct", seed) < conduct.probability


def _shift(query: str) -> int:
    """By how much digits change, 1 to 9, as a function of what is asked."""
    # A draw's key is no text from outside.
    return 1 + int(9 * uniform_draw("conduct", hashlib.sha256(query.encode(errors="replace")).hexdigest()))


def _numbers(text: str) -> list[int]:
    """Where the last digit of each number stands."""
    return [found.end() - 1 for found in _NUMBER.finditer(text)]


def _stated(text: str) -> set[int]:
    """Where the last digit of each stated result stands; nowhere, where what is in the box holds no number."""
    places = {found.end() - 1 for pattern in (_BEHIND_EQUALS, _LAST) for found in pattern.finditer(text)}
    box = boxed_answer(text)
    if box is None:
        return places
    begin = text.rfind(f"{{{box}}}") + 1
    boxed = {found.end() - 1 for found in _NUMBER.finditer(text, begin, begin + len(box))}
    return boxed and places | boxed


def _shifted(text: str, places: Iterable[int], by: int) -> str:
    """``text`` with other digits at ``places``."""
    characters = list(text)
    for place in places:
        characters[place] = str((int(characters[place]) + by) % 10)
    return "".join(characters)


def _result(text: str) -> str:
    box = boxed_answer(text)
    if box is not None:
        return box.strip()
    last = _LAST.search(text)
    return last[0] if last else text.strip().rpartition("\n")[2]
