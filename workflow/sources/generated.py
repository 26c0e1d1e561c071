"""What the commands share that generate problems: so many, by a seed, none of which stands in another set."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from workflow.command import Parser
from workflow.sources.command import SourceError, source_parser, write_jsonl
from workflow.sources.problems import Problem, as_row, read_rows


def generator_parser(module: str, description: str | None, made: str = "problems") -> Parser:
    """The parser of a module that generates what is ``made``."""
    parser = source_parser(module, description)
    parser.add_argument("--n", type=int, required=True, metavar="N", help=made)
    parser.add_argument("--seed", type=int, required=True, metavar="S")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl")
    parser.add_argument("--instruction", metavar="TEXT", help="in place of the task's own")
    parser.add_argument("--exclude", type=Path, action="append", default=[], metavar="FILE", help="repeatable")
    return parser


def read_options(parser: Parser, arguments: Sequence[str]) -> Namespace:
    """What a command line says. Raises SourceError."""
    options = parser.parse_args(arguments)
    for key, least in (("n", 1), ("seed", 0)):
        if getattr(options, key) < least:
            raise SourceError(f"--{key} is {getattr(options, key)}; it must be an integer of at least {least}")
    return options


def excluded(options: Namespace, column: str = "problem") -> frozenset[str]:
    """What stands in the ``column`` of the files that share no problem with this one. Raises SourceError."""
    return frozenset(row.text(column) for path in options.exclude for row in read_rows(path))


def write(options: Namespace, problems: Iterable[Problem]) -> None:
    """Write the problems to ``--out``, asked with ``--instruction``. Raises SourceError."""
    write_jsonl(options.out, [as_row(problem, options.instruction) for problem in problems])
