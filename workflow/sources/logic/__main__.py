"""Command line of the package."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import TypeAdapter

from eapo_verl.settings.errors import one_line
from workflow.sources.command import SourceError, run
from workflow.sources.generated import excluded, generator_parser, read_options, write
from workflow.sources.logic import __doc__ as description
from workflow.sources.logic.families import Families
from workflow.sources.logic.generate import generate


def command(arguments: Sequence[str]) -> str:
    """The command line of the package; returns its log line, raises SourceError."""
    parser = generator_parser("logic", description, "puzzles")
    parser.add_argument("--families", required=True, metavar="JSON", help="options of each family, by its name")
    options = read_options(parser, arguments)
    try:
        families = TypeAdapter(Families).validate_python(json.loads(options.families))
    except ValueError as error:
        raise SourceError(one_line("--families", error)) from error
    made = generate(options.n, options.seed, families, excluded(options, "id"))
    write(options, made.problems)
    fates = ", ".join(f"{count} {fate}" for fate, count in sorted(made.fates.items())) or "none"
    return f"{options.out}: {len(made.problems)} puzzles of {', '.join(sorted(families))}; left out or noted: {fates}"


if __name__ == "__main__":
    raise SystemExit(run(command))
