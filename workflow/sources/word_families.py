"""The families of word problems that there are, by reasoning-gym's names, and what an experiment says of them.

An option is the data set's own, by the same name; by default it has the difficulty at which a model of 0.1 billion
parameters is right now and then, or hardly ever.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, model_validator

from eapo_verl.settings.base import Settings
from workflow.sources.families import reader

#: What may stand between two numbers.
Operators = Annotated[tuple[Literal["+", "-", "*"], ...], Field(min_length=1)]


class Family(Settings):
    """A family of word problems; its fields are options of reasoning-gym's data set."""

    def content(self, problem: str) -> str:
        """What a problem is, whatever its unknowns are called: two with the same content are the same."""
        return problem

    def options(self) -> dict[str, Any]:
        """What reasoning-gym's data set is told."""
        return self.model_dump()

    @model_validator(mode="after")
    def _no_more_than_the_most(self) -> Family:
        for key in type(self).model_fields:
            what = key.removeprefix("min_")
            if key != what and (least := getattr(self, key)) > (most := getattr(self, f"max_{what}")):
                raise ValueError(f"{key}: {least} is more than max_{what} ({most})")
        return self


class BasicArithmetic(Family):
    """So many numbers of so many digits at most, with operators between them.

    No division, which reasoning-gym works out with another number than it shows, and no product in a sum, which it
    works out in another order than is usual.
    """

    min_terms: int = Field(2, ge=2, le=9)
    max_terms: int = Field(2, ge=2, le=9)
    min_digits: int = Field(1, ge=1, le=3)
    max_digits: int = Field(1, ge=1, le=3)
    operators: Operators = ("+", "-")

    @model_validator(mode="after")
    def _in_one_order(self) -> BasicArithmetic:
        if "*" in self.operators and len(set(self.operators)) > 1 and self.max_terms > 2:
            raise ValueError(f"operators: * beside others is for two terms, and max_terms is {self.max_terms}")
        return self

    def options(self) -> dict[str, Any]:
        """Without parentheses, in one of four phrasings ("What is 4 + 3?")."""
        return super().options() | {"allow_parentheses": False, "format_style": "natural"}

    def content(self, problem: str) -> str:
        """The expression."""
        return re.sub(r"^\D*|\D*$", "", problem)


class ChainSum(Family):
    """Sums and differences of so many numbers, of so many digits each."""

    min_terms: int = Field(2, ge=2, le=9)
    max_terms: int = Field(2, ge=2, le=9)
    min_digits: int = Field(1, ge=1, le=3)
    max_digits: int = Field(1, ge=1, le=3)


class GsmSymbolic(Family):
    """Stories of a few steps, by templates."""


class LegCounting(Family):
    """The legs of so many kinds of animals, so many of each."""

    min_animals: int = Field(2, ge=1, le=9)
    max_animals: int = Field(3, ge=1, le=9)
    min_instances: int = Field(1, ge=1, le=99)
    max_instances: int = Field(6, ge=1, le=99)


class LetterCounting(Family):
    """How often a letter is in so many words of a novel."""

    min_words: int = Field(2, ge=1, le=15)
    max_words: int = Field(4, ge=1, le=15)


class Products(Family):
    """Products of so many numbers, of so many digits each."""

    min_terms: int = Field(2, ge=2, le=9)
    max_terms: int = Field(2, ge=2, le=9)
    min_digits: int = Field(1, ge=1, le=3)
    max_digits: int = Field(1, ge=1, le=3)


class SimpleEquations(Family):
    """An equation in one unknown, of so many terms with constants up to a value.

    Without products among its operators the unknown has no factor: ``x + 3 = 7``.
    """

    min_terms: int = Field(2, ge=1, le=9)
    max_terms: int = Field(2, ge=1, le=9)
    min_value: int = Field(1, ge=1, le=999)
    max_value: int = Field(20, ge=1, le=999)
    operators: Operators = ("+", "-", "*")

    def options(self) -> dict[str, Any]:
        """With reasoning-gym's weights: twice as many sums, and differences, as products."""
        weights = [1 if operator == "*" else 2 for operator in self.operators]
        return super().options() | {"operators_weights": [weight / sum(weights) for weight in weights]}

    def content(self, problem: str) -> str:
        """The equation, with x for its unknown."""
        return re.sub(r"\b[a-z]\b", "x", problem.rpartition(": ")[2])


FAMILIES: dict[str, type[Family]] = {
    "basic_arithmetic": BasicArithmetic,
    "chain_sum": ChainSum,
    "gsm_symbolic": GsmSymbolic,
    "leg_counting": LegCounting,
    "letter_counting": LetterCounting,
    "products": Products,
    "simple_equations": SimpleEquations,
}

#: Families with their options, at least one.
Families = Annotated[dict[str, SerializeAsAny[Family]], reader(FAMILIES, "word problems")]
