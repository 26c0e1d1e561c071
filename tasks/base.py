"""What a problem is: the interface that training, sampling and grading share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Grade:
    """What a task made of a response.

    Attributes:
        extracted: the answer in its shortest form, else as it was written (cut to 80 characters), else None.
        correct: whether it is the reference answer.
        unanswered: whether the response states no answer at all.
    """

    extracted: str | None
    correct: bool
    unanswered: bool


class Task(Protocol):
    """A kind of problem. Stateless: a task is found by its name alone, in any process."""

    name: str

    def prompt(self, problem: Mapping[str, Any]) -> str:
        """The user's turn that a policy is trained on and scored on; ``problem`` is a line of a problem file."""
        ...

    def extract(self, response: str) -> str | None:
        """The answer as ``response`` states it, or None."""
        ...

    def grade(self, response: str, answer: str) -> Grade:
        """Grade one response against the reference ``answer``, in its normal form.

        Raises:
            ValueError: ``answer`` is none that the task allows.
        """
        ...

    def reward(self, response: str, answer: str) -> float:
        """What training pays for ``response``, in [0, 1]; by default 1.0 where the grade is right, else 0.0."""
        ...

    def normalise(self, answer: str) -> str:
        """The reference answer in its normal form.

        Raises:
            ValueError: it is none; the message says what is allowed.
        """
        ...
