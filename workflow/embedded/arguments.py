"""Numbers on the command lines of this package."""

import argparse
from collections.abc import Callable


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
