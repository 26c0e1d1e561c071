"""Command line of the package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from eapo_verl.settings.errors import one_line
from workflow.sources.command import SourceError, run, source_parser, write_jsonl
from workflow.sources.logic import __doc__ as description
from workflow.sources.logic.families import Families
from workflow.sources.logic.generate import generate
from workflow.sources.problems import as_row, read_rows


def command(arguments: Sequence[str]) -> str:
    """The command line of the package; returns its log line, raises SourceError."""
    parser = source_parser("logic", description)
    parser.add_argument("--n", type=int, required=True, metavar="N", help="puzzles")
    parser.add_argument("--seed", type=int, required=True, metavar="S")
    parser.add_argument("--families", required=True, metavar="JSON", help="options of each family, by its name")
    parser.add_argument("--instruction", metavar="TEXT", help="in place of the task's own")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl")
    parser.add_argument("--exclude", type=Path, action="append", default=[], metavar="FILE", help="repeatable")
    options = parser.parse_args(arguments)
    for key, least in (("n", 1), ("seed", 0)):
        if getattr(options, key) < least:
            raise SourceError(f"--{key} is {getattr(options, key)}; it must be an integer of at least {least}")
    try:
        families = TypeAdapter(Families).validate_python(json.loads(options.families))
    except ValueError as error:
        raise SourceError(one_line("--families", error)) from error
    excluded = frozenset(row.text("id") for path in options.exclude for row in read_rows(path))
    made = generate(options.n, options.seed, families, excluded)
    write_jsonl(options.out, [as_row(problem, options.instruction) for problem in made.problems])
    fates = ", ".join(f"{count} {fate}" for fate, count in sorted(made.fates.items())) or "none"
    return f"{options.out}: {len(made.problems)} puzzles of {', '.join(sorted(families))}; left out or noted: {fates}"


if __name__ == "__main__":
    raise SystemExit(run(command))
