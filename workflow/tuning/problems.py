"""The validation problems of tuning: a copy of a set none of whose problems is in another one.

``python -m workflow.tuning.problems FILE --apart-from FILE … --out FILE``. Two problems are the same where their texts
are, whatever their spaces and capitals. One that is in another set is refused in one line, and nothing is written.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from eapo_verl.record.files import write_whole
from workflow.command import BadInput, Parser, run_command
from workflow.sources.problems import same_text


def read_texts(path: Path) -> list[str]:
    """The problems of a file, as they are compared.

    Raises:
        BadInput: it cannot be read, or holds anything else.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
        return [same_text(json.loads(line)["problem"]) for line in lines]
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path} is no file of problems, a JSON object with 'problem' a line") from error


def main(arguments: Sequence[str]) -> None:
    """Runs the command line. Raises BadInput for sets that are not apart."""
    parser = Parser("workflow.tuning.problems", __doc__)
    parser.add_argument("problems", type=Path, help="of tuning, JSON lines")
    parser.add_argument("--apart-from", type=Path, action="append", default=[], metavar="FILE", help="repeatable")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    options = parser.parse_args(arguments)
    texts = read_texts(options.problems)
    for path in options.apart_from:
        known = set(read_texts(path))
        if common := [text for text in texts if text in known]:
            raise BadInput(
                f"tuning.validation: {len(common)} of its {len(texts)} problems are in {path}, too, {common[0][:80]!r} "
                "first; allowed are problems of no other set"
            )
    try:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(options.out, options.problems.read_bytes())
    except OSError as error:
        raise BadInput(f"argument --out: cannot write {options.out}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(run_command("tune", main))
