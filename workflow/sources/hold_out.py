"""Problems that training does without, by a rule: the first ones by a digest of seed and text.

    python -m workflow.sources.hold_out --problems FILE --size N --seed S --out FILE.jsonl
    python -m workflow.sources.hold_out --problems FILE --size N --seed S --take START:COUNT \\
        [--instruction TEXT] --out FILE.jsonl

The first line writes what training keeps; the second a part of the N that are held out, one of each text. In which
order the file is, and what else is in it, changes no problem's place: a later revision of the same set holds out the
same ones but for those that it adds or drops. Problems of the same text are on the same side.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from eapo_verl.record.provenance import problems_source
from workflow.sources.command import SourceError, run, source_parser, write_json, write_jsonl
from workflow.sources.problems import Row, read_rows, same_text


def hold_out(rows: Sequence[Row], size: int, seed: int) -> tuple[list[Row], list[Row]]:
    """What training keeps, in the order of the file, and the `size` that are held out, in that of their digests.

    Raises SourceError where nothing would be kept.
    """
    by_text: dict[str, Row] = {}
    for row in rows:
        by_text.setdefault(same_text(row.text("problem")), row)
    if size >= len(by_text):
        raise SourceError(f"hold_out.size: {size} of {len(by_text)} different problems leave none to train on")
    held = sorted(by_text, key=lambda text: hashlib.sha256(f"{seed}:{text}".encode()).digest())[:size]
    out = set(held)
    return [row for row in rows if same_text(row.text("problem")) not in out], [by_text[text] for text in held]


def command(arguments: Sequence[str]) -> str:
    """The command line above; returns its log line, raises SourceError."""
    parser = source_parser("hold_out", __doc__)
    parser.add_argument("--problems", type=Path, required=True, metavar="FILE")
    parser.add_argument("--size", type=int, required=True, metavar="N")
    parser.add_argument("--seed", type=int, required=True, metavar="S")
    parser.add_argument("--take", metavar="START:COUNT")
    parser.add_argument("--instruction", metavar="TEXT", help="in place of what the problems have")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl")
    options = parser.parse_args(arguments)
    kept, held = hold_out(read_rows(options.problems), options.size, options.seed)
    part = kept
    if options.take is not None:
        start, _, count = options.take.partition(":")
        if not (start.isdecimal() and count.isdecimal() and int(start) + int(count) <= len(held)):
            raise SourceError(f"--take is {options.take!r}; it must be START:COUNT within the {len(held)} held out")
        part = held[int(start) : int(start) + int(count)]
    instruction = {} if options.instruction is None else {"instruction": options.instruction}
    write_jsonl(options.out, [row.fields | instruction for row in part])
    said = {"held_out": options.size, "seed": options.seed, "take": options.take, "problems": len(part)}
    whole = problems_source(options.problems)
    if whole.is_file():
        write_json(problems_source(options.out), json.loads(whole.read_text(encoding="utf-8")) | {"part": said})
    return f"{options.out.stem}: {len(part)} problems; {options.size} of {options.problems.stem} are held out"


if __name__ == "__main__":
    raise SystemExit(run(command))
