"""What the commands of this package share: bad input is one line ``sampling: …`` and status 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from workflow.sampling.request import SamplingError


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are SamplingErrors, so that they look like every other error."""

    def error(self, message: str) -> NoReturn:
        """Raises SamplingError."""
        raise SamplingError(message)


def run_command(command: Callable[[Sequence[str]], None], arguments: Sequence[str] | None = None) -> int:
    """Exit status of `command` on `arguments`, by default this process's own: 0, or 2 and a complaint on stderr."""
    try:
        command(sys.argv[1:] if arguments is None else arguments)
    except SamplingError as error:
        print(f"sampling: {error}", file=sys.stderr)
        return 2
    return 0
