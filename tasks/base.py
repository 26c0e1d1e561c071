"""What a problem is: the interface that training, sampling and grading share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class CannotGrade(Exception):
    """There is no grade to be had here; the message, one line, says what is missing. Never taken for a wrong answer."""


#: What becomes of a response where its task has no other words: it states the reference answer; another one; what can
#: be no reference answer of the task (``unreadable``); none.
RIGHT, WRONG, UNREADABLE, UNANSWERED = "right", "wrong", "unreadable", "unanswered"


@dataclass(frozen=True)
class Grade:
    """What a task made of a response.

    Attributes:
        extracted: the answer in its shortest form, else as it was written (shortened), else None.
        correct: whether it is the reference answer.
        unanswered: whether the response states no answer at all.
        outcome: what became of it, in a word, which is counted; unless the task gives one, by the other two.
        said: what there is to say of that, in one line.
    """

    extracted: str | None
    correct: bool
    unanswered: bool
    outcome: str = ""
    said: str = ""

    def __post_init__(self) -> None:
        if not self.outcome:
            outcome = UNANSWERED if self.unanswered else RIGHT if self.correct else WRONG
            object.__setattr__(self, "outcome", outcome)


class Task(ABC):
    """A kind of problem. Stateless: a task is found by its name alone, in any process.

    Attributes:
        name: as problem files give it, in their field ``task``.
        domain: what its problems are about, unless their set says otherwise: a method that was trained in one is
            reported in and out of it apart.
        instruction: how an answer is to be written, unless a problem's line has an ``instruction`` of its own.
        waits: whether grading waits for other processes, so that who has others to serve hands it to a thread.
    """

    name: ClassVar[str]
    domain: ClassVar[str] = "knowledge"
    instruction: ClassVar[str] = ""
    waits: ClassVar[bool] = False

    def require(self) -> None:  # noqa: B027 - most tasks need nothing
        """Raises CannotGrade where what grading needs is not here; asked before work starts."""

    def prompt(self, problem: Mapping[str, Any]) -> str:
        """The user's turn that a policy is trained on and scored on; ``problem`` is a line of a problem file.

        The problem and, behind an empty line, the instruction, where there is one.
        """
        text, instruction = str(problem["problem"]), problem.get("instruction") or self.instruction
        return f"{text}\n\n{instruction}" if instruction else text

    def row(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """A row of somebody's file in the names that problems have here: ``problem``, ``answer``, ``id``, ``source``.

        Args:
            fields: by lower-case name.

        Returns:
            the row as it is, where it needs no translation, as one that was translated does not. Of a row that has one,
            ``right_response`` is a response that has to be graded as right.

        Raises:
            ValueError: it is no row that the task knows; the message, one line, says what is allowed.
        """
        return fields

    @abstractmethod
    def extract(self, response: str) -> str | None:
        """The answer that ``response`` states, as :attr:`Grade.extracted` has it; None where it states none."""

    @abstractmethod
    def normalise(self, answer: str) -> str:
        """The reference answer in its normal form.

        Raises:
            ValueError: it is none; the message, one line, says what is allowed.
        """

    def grade(self, response: str, answer: str) -> Grade:
        """Grade one response: right where what it states is the reference ``answer``, in whatever form that is.

        Raises:
            ValueError: ``answer`` is none that the task allows.
        """
        wanted, stated = self.normalise(answer), self.extract(response)
        readable = stated is None or stated == wanted or self._may_be_answer(stated)
        return Grade(stated, stated == wanted, stated is None, "" if readable else UNREADABLE)

    def _may_be_answer(self, stated: str) -> bool:
        try:
            self.normalise(stated)
        except ValueError:
            return False
        return True

    def grade_all(self, responses: Sequence[tuple[str, str]]) -> list[Grade]:
        """:meth:`grade` of each (response, answer), in that order."""
        return [self.grade(response, answer) for response, answer in responses]

    def reward(self, response: str, answer: str) -> float:
        """What training pays for ``response``, in [0, 1]: the grade itself, unless a task knows better."""
        return float(self.grade(response, answer).correct)
