"""Which training problems are, or share a run of words with, problems of the benchmarks: counted before training.

    python -m workflow.sources.overlap --train FILE --benchmark NAME=FILE … [--words 13] [--common 10] [--most N] \\
        --out FILE

Two problems are equal where their words and signs are, whatever case, spaces and punctuation. They share a run where
as many consecutive words, by default 13, are in both (Brown et al. 2020, arXiv 2005.14165, appendix C, and lm-eval
take 13), but for runs that are in more than so many training problems (not stated there; our choice: 10): "as m/n
where m and n are relatively prime positive integers find m+n" is a phrase of contests, and no problem. Shorter texts
can only be equal. What is paraphrased or translated is not found (arXiv 2602.12413).

Every pair is in FILE, and in the log where there are more than ``--most`` training problems of the kind, which is an
error.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from eapo_verl.settings.base import Settings
from workflow.sources.command import SourceError, run, source_parser, write_json
from workflow.sources.problems import Row, read_rows

_WORD = re.compile(r"[^\W_]+")
# Beside words, what tells one formula from another.
_SIGN = re.compile(r"[^\W_]+|[-+*/=<>^%|!√∑∫π]")


class Overlap(Settings):
    """What counts as overlap, and how much is borne.

    Attributes:
        words: of a run that two problems share.
        common: training problems that a run may be in before it counts as a phrase.
        most: training problems that may be, or share a run with, benchmarks' problems; None: however many.
    """

    words: int = Field(13, ge=2)
    common: int = Field(10, ge=1)
    most: int | None = Field(None, ge=0)


class Pair(NamedTuple):
    """A training problem and a benchmark's, by their ids, and the words that they share; None where they are equal."""

    train: str
    problem: str
    shared: str | None


def overlapping(train: Sequence[Row], problems: Sequence[Row], words: int, common: int) -> list[Pair]:
    """Every pair of a training problem and one of `problems` that overlap, once each, in the order of training."""
    equal: dict[str, list[str]] = {}
    runs: dict[str, list[str]] = {}
    for row in problems:
        text = row.text("problem")
        equal.setdefault(_signs(text), []).append(row.text("id"))
        for run_of_words in dict.fromkeys(_runs(text, words)):
            runs.setdefault(run_of_words, []).append(row.text("id"))
    shared = [[one for one in dict.fromkeys(_runs(row.text("problem"), words)) if one in runs] for row in train]
    often = Counter(one for found in shared for one in found)
    pairs = []
    for row, found in zip(train, shared, strict=True):
        here: dict[str, str | None] = dict.fromkeys(equal.get(_signs(row.text("problem")), ()))
        for one in found:
            if often[one] <= common:
                for problem in runs[one]:
                    here.setdefault(problem, one)
        pairs += [Pair(row.text("id"), problem, text) for problem, text in here.items()]
    return pairs


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _signs(text: str) -> str:
    return " ".join(_SIGN.findall(_plain(text)))


def _runs(text: str, words: int) -> list[str]:
    found = _WORD.findall(_plain(text))
    return [" ".join(found[start : start + words]) for start in range(len(found) - words + 1)]


def count(train: Path, benchmarks: Mapping[str, Path], limits: Overlap, out: Path) -> str:
    """Writes every pair to `out`; returns the log line. Raises SourceError where there are more than allowed."""
    rows = read_rows(train)
    found = {name: overlapping(rows, read_rows(path), limits.words, limits.common) for name, path in benchmarks.items()}
    concerned = {pair.train for pairs in found.values() for pair in pairs}
    content: dict[str, Any] = {
        **limits.model_dump(include={"words", "common"}),
        "train": len(rows),
        "overlapping": len(concerned),
        "benchmarks": {name: [pair._asdict() for pair in pairs] for name, pairs in found.items()},
    }
    write_json(out, content)
    each = ", ".join(f"{name} {_numbers(pairs)}" for name, pairs in found.items())
    said = f"{len(concerned)} of {len(rows)} training problems overlap with benchmarks ({each})"
    if limits.most is not None and len(concerned) > limits.most:
        for name, pairs in found.items():
            for pair in pairs:
                print(f"{pair.train} and {name} {pair.problem}: {pair.shared or 'equal'}", flush=True)
        raise SourceError(f"overlap.most: {said}; allowed are {limits.most}: the pairs are in the log above")
    return said


def _numbers(pairs: Sequence[Pair]) -> str:
    equal = sum(pair.shared is None for pair in pairs)
    return f"{equal} equal and {len(pairs) - equal} in part"


def command(arguments: Sequence[str]) -> str:
    """The command line above; returns its log line, raises SourceError."""
    parser = source_parser("overlap", __doc__)
    parser.add_argument("--train", type=Path, required=True, metavar="FILE")
    parser.add_argument("--benchmark", action="append", required=True, metavar="NAME=FILE", help="repeatable")
    parser.add_argument("--words", type=int, default=13, metavar="N")
    parser.add_argument("--common", type=int, default=10, metavar="N")
    parser.add_argument("--most", type=int, metavar="N")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.json")
    options = parser.parse_args(arguments)
    named = [one.partition("=") for one in options.benchmark]
    for name, sign, path in named:
        if not (name and sign and path):
            raise SourceError(f"--benchmark is {name + sign + path!r}; it must be NAME=FILE")
    limits = Overlap(words=options.words, common=options.common, most=options.most)
    return count(options.train, {name: Path(path) for name, _, path in named}, limits, options.out)


if __name__ == "__main__":
    raise SystemExit(run(command))
