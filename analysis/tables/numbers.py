"""How numbers are written where people read: one rule of rounding for tables, figures, sentences and output."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

MISSING = "–"
# Decimals to which an accuracy is known: what differs beyond is the order in which a mean was summed.
_KNOWN = 12


def rounded(value: float, decimals: int) -> str:
    """``value`` with so many decimals, a half away from zero, and no minus before a zero; "–" for NaN.

    A half is what the decimal number says, not the binary one beside it: 8.75 is 8.8 and -8.75 is -8.8, however a mean
    of 8.75 was summed.
    """
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    if abs(value) > 2**53:  # a float without decimals, and perhaps with more digits than a Decimal keeps
        return f"{value:.0f}".replace("-", "−")
    known = Decimal(f"{value:.{_KNOWN}f}")
    text = f"{known.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"
    return text.replace("-", "−" if text.strip("-0.") else "")


def cell_text(value: object, decimals: int) -> str:
    """What stands in a cell of a table: a float with so many decimals, anything else as it is, "–" for nothing."""
    if value is None or value is pd.NA:
        return MISSING
    return rounded(value, decimals) if isinstance(value, float) else str(value)


def amount(value: float) -> str:
    """A number of things, or a mean of such, whole and with its thousands apart; a huge one by its first digits."""
    if value >= 1e9:
        return f"{value:.1e}".replace("e+", "e")
    text = rounded(value, 0)
    return f"{int(text):,}" if text.isdecimal() else text


def count_range(fewest: int, most: int) -> str:
    """A count, or a range where it differs."""
    return str(fewest) if fewest == most else f"{fewest} to {most}"


def points(value: float, signed: bool = True) -> str:
    """An accuracy, or a difference of two, in points of 100 with one decimal."""
    text = rounded(100 * value, 1)
    return text if not signed or text[0] in f"−{MISSING}" else f"+{text}"


def size(value: float) -> str:
    """The size of a difference in points, where an estimate of it may be more than there can be."""
    return "over 100" if value > 1 else points(value, signed=False)


def span(low: float, high: float, signed: bool) -> str:
    """An interval in points of 100."""
    return MISSING if math.isnan(low) else f"{points(low, signed)} to {points(high, signed)}"


def points_within(value: float, low: float, high: float, signed: bool) -> str:
    """An accuracy, or a difference of two, in points of 100, with its interval where there is one."""
    return points(value, signed) + ("" if math.isnan(low) else f" ({span(low, high, signed)})")


def p_text(p: float) -> str:
    """A p-value as printed."""
    if math.isnan(p):
        return "undefined"
    return "< 0.001" if p < 0.001 else rounded(p, 3)


def p_equals(p: float) -> str:
    """A p-value as it follows the letter p."""
    text = p_text(p)
    return f"= {text}" if text[0].isdigit() else text
