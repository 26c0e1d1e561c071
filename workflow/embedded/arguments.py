"""Command lines of this package: whatever is wrong with one is said in one line, and the exit status is 2."""

import argparse
from collections.abc import Callable
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """A parser whose complaint is one line, without the usage text."""

    def __init__(self, module: str, description: str) -> None:
        super().__init__(prog=f"python -m workflow.embedded.{module}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Print ``message`` and leave with status 2."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")


def number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    """A converter for argparse: a number of ``kind`` between ``low`` and ``high``, both allowed."""
    name = "an integer" if kind is int else "a number"

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {name}") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not {name} from {low:g} to {high:g}")
        return value

    return convert
