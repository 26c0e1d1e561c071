"""``python -m workflow plan config/NAME.yaml``: what an experiment would take, without an accelerator."""

import sys
from collections.abc import Sequence

from workflow.capacity.command import plan
from workflow.command import BadInput, run_command

_COMMANDS = {"plan": plan}


def main(arguments: Sequence[str]) -> None:
    """Runs one of the commands. Raises BadInput."""
    name, *rest = arguments or [""]
    if name not in _COMMANDS:
        raise BadInput(f"{name!r} is no command; allowed: {', '.join(_COMMANDS)}, as in plan config/default.yaml")
    _COMMANDS[name](rest)


if __name__ == "__main__":
    sys.exit(run_command("workflow", main))
