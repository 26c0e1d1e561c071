"""The training problems as an expert is asked them, and which of them it is asked."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tasks
from eapo_verl.method.draws import sample_seed
from workflow.command import BadInput


@dataclass(frozen=True)
class Question:
    """A training problem. ``prompt`` is all that an expert is shown of it; ``difficulty`` is None where none stands."""

    id: str
    prompt: str
    answer: str
    task: str
    difficulty: Any = None


def read_questions(path: Path) -> list[Question]:
    """The problems of a file, in its order.

    Raises:
        BadInput: it cannot be read, a line is no problem, an id stands there twice, or a task cannot grade here.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    questions: dict[str, Question] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            question = _question(line, f"{path}:{number}")
            if questions.setdefault(question.id, question) is not question:
                raise BadInput(f"{path}:{number}: id {question.id!r} was used before; ids have to be unique")
    try:
        for name in dict.fromkeys(question.task for question in questions.values()):
            tasks.task(name).require()
    except tasks.CannotGrade as error:
        raise BadInput(f"{path}: {error}") from error
    return list(questions.values())


def _question(line: str, where: str) -> Question:
    try:
        problem = json.loads(line)
        task = tasks.name_of(problem)
        answer = tasks.task(task).normalise(problem["answer"])
        prompt = tasks.task(task).prompt(problem)
        return Question(problem["id"], prompt, answer, task, problem.get("difficulty"))
    except KeyError as error:
        raise BadInput(f"{where}: {error.args[0]!r} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{where}: is no problem: {error}") from error


def choose(questions: list[Question], number: int, seed: int) -> list[Question]:
    """``number`` of the questions (all, if there are no more), drawn by ``seed``, in their order.

    A larger number adds to the smaller one's choice, so that nothing is asked again for it.
    """
    drawn = sorted(questions, key=lambda question: (sample_seed(seed, "solutions", question.id, 0), question.id))
    chosen = {question.id for question in drawn[:number]}
    return [question for question in questions if question.id in chosen]
