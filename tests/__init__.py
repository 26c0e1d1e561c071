"""A package, so that tests share helpers: another distribution installs a package of the same name."""

from pathlib import Path

#: The checkout.
ROOT = Path(__file__).resolve().parents[1]
