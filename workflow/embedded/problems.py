"""The problems of the embedded world: three chains of digits and operators, evaluated from the left, modulo 10.

``4+7@3;1*2;9#5-8`` asks for the results of its chains, written together: ``626``. Three operators are common; two are
rare, tables of 10 x 10 that have no rule. A problem's difficulty is the number of rare operators in it.

    python -m workflow.embedded.problems --set train=4096:11 --set validation=64:12 --out-dir DIR
    python -m workflow.embedded.problems --set test=30:21 --exclude DIR/train.jsonl --out-dir DIR
"""

import argparse
import json
import random
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from eapo_verl.record.files import write_whole
from workflow.command import BadInput, Parser, run_command

TASK = "integers_bare"
"""What is asked: the models of this world read nothing but problems."""

COMMON = "+-*"
RARE = "@#"
CHAINS = 3
CHAIN_OPERATORS = (1, 2)
TOTAL_OPERATORS = (3, 5)
DIFFICULTIES = (0.20, 0.35, 0.30, 0.15)
"""The share of problems with 0, 1, 2 and 3 rare operators."""

Rare = Callable[[str, int, int], int]
"""What somebody takes the value of ``left operator right`` to be, for a rare operator; a digit."""

_tables = random.Random("the two rare tables")
TABLES: dict[str, tuple[tuple[int, ...], ...]] = {
    operator: tuple(tuple(_tables.randrange(10) for _ in range(10)) for _ in range(10)) for operator in RARE
}
"""``TABLES[operator][left][right]``, the truth about the rare operators."""

LARGEST_SET = 1_000_000
_SET = re.compile(r"([a-z][a-z0-9_]*)=([0-9]{1,7}):([0-9]{1,10})")


class ProblemError(BadInput):
    """A set of problems that cannot be made; the message is one line."""


@dataclass(frozen=True)
class Problem:
    """A problem with its answer, the results of the three chains read as one integer from 0 to 999, as text.

    ``problem`` is the whole user message, ``solution`` the right assistant message, ``difficulty`` the number of rare
    operators, ``source`` the set that it was made for, ``task`` the kind of problem that it is.
    """

    id: str
    problem: str
    answer: str
    source: str
    solution: str
    difficulty: int
    task: str = TASK


def true_rare(operator: str, left: int, right: int) -> int:
    """The tables' own value."""
    return TABLES[operator][left][right]


def solve_chain(chain: str, rare: Rare = true_rare) -> tuple[str, int]:
    """The steps of a chain and its result: ``4+7@3`` gives ``("4+7=1,1@3=6", 6)``.

    Args:
        chain: digits with operators between them.
        rare: where the value of a rare operator comes from.
    """
    value = int(chain[0])
    steps = []
    for operator, operand in zip(chain[1::2], chain[2::2], strict=True):
        left, right = value, int(operand)
        match operator:
            case "+":
                value = (left + right) % 10
            case "-":
                value = (left - right) % 10
            case "*":
                value = left * right % 10
            case _:
                value = rare(operator, left, right)
        steps.append(f"{left}{operator}{right}={value}")
    return ",".join(steps), value


def solution(problem: str, rare: Rare = true_rare) -> str:
    """The assistant message that solves ``problem`` step by step, the three results boxed: ``...;\\boxed{034}``."""
    solved = [solve_chain(chain, rare) for chain in problem.split(";")]
    return "".join(f"{steps};" for steps, _ in solved) + f"\\boxed{{{''.join(str(result) for _, result in solved)}}}"


def draw_problem(rng: random.Random, difficulty: int) -> str:
    """A random problem with ``difficulty`` rare operators; its three chains differ from each other."""
    while True:
        total = rng.randint(*TOTAL_OPERATORS)
        lengths = [CHAIN_OPERATORS[0]] * CHAINS
        for chain in rng.sample(range(CHAINS), total - sum(lengths)):
            lengths[chain] = CHAIN_OPERATORS[1]
        rare = set(rng.sample(range(total), difficulty))
        operators = [rng.choice(RARE if place in rare else COMMON) for place in range(total)]
        chains = []
        for length in lengths:
            steps = (operators.pop() + str(rng.randrange(10)) for _ in range(length))
            chains.append(str(rng.randrange(10)) + "".join(steps))
        # The same query twice in one consultation would be asked, and answered, once.
        if len(set(chains)) == CHAINS:
            return ";".join(chains)


def shares(n: int) -> list[int]:
    """How many of ``n`` problems have each difficulty: ``DIFFICULTIES`` by largest remainder."""
    exact = [share * n for share in DIFFICULTIES]
    counts = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda level: (counts[level] - exact[level], level))
    for level in by_remainder[: n - sum(counts)]:
        counts[level] += 1
    return counts


def make_problems(n: int, seed: int, name: str, exclude: Iterable[str] = ()) -> list[Problem]:
    """``n`` different problems in random order, the same for the same arguments.

    Args:
        n: how many.
        seed: of the drawing.
        name: of the set; ids are ``<name>-0000``, and so on.
        exclude: texts of problems that may not be among them.

    Raises:
        ProblemError: some excluded problem came out, or one came out twice.
    """
    rng = random.Random(seed)
    banned = frozenset(exclude)
    drawn: dict[str, int] = {}
    for difficulty, count in enumerate(shares(n)):
        wanted = len(drawn) + count
        while len(drawn) < wanted:
            text = draw_problem(rng, difficulty)
            if text not in banned:
                drawn[text] = difficulty
    if len(drawn) != n or not banned.isdisjoint(drawn):
        raise ProblemError(f"set {name}: not {n} new problems")
    order = list(drawn)
    rng.shuffle(order)
    return [_problem(f"{name}-{index:04d}", text, name, drawn[text]) for index, text in enumerate(order)]


def _problem(identity: str, text: str, source: str, difficulty: int) -> Problem:
    digits = "".join(str(solve_chain(chain)[1]) for chain in text.split(";"))
    return Problem(identity, text, str(int(digits)), source, solution(text), difficulty)


def _set(text: str) -> tuple[str, int, int]:
    match = _SET.fullmatch(text)
    if match is None or not 1 <= int(match[2]) <= LARGEST_SET:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=SIZE:SEED, as in train=4096:11 (SIZE 1 to {LARGEST_SET})"
        )
    return match[1], int(match[2]), int(match[3])


def command(arguments: Sequence[str]) -> None:
    """Write ``<set>.jsonl`` for every ``--set``, each disjoint from those named before it and from ``--exclude``.

    Raises BadInput.
    """
    parser = Parser("workflow.embedded.problems", "Make sets of problems, disjoint in the order given.")
    parser.add_argument("--set", type=_set, action="append", required=True, metavar="NAME=SIZE:SEED", dest="sets")
    parser.add_argument("--exclude", type=Path, action="append", default=[], metavar="FILE", help="repeatable")
    parser.add_argument("--out-dir", type=Path, required=True)
    options = parser.parse_args(arguments)
    names = [name for name, _, _ in options.sets]
    if len(set(names)) < len(names):
        parser.error(f"argument --set: {', '.join(names)} names one set twice")
    seen = {text for path in options.exclude for text in _texts(path)}
    try:
        options.out_dir.mkdir(parents=True, exist_ok=True)
        for name, size, seed in options.sets:
            problems = make_problems(size, seed, name, seen)
            seen.update(problem.problem for problem in problems)
            lines = "".join(f"{json.dumps(asdict(problem))}\n" for problem in problems)
            write_whole(options.out_dir / f"{name}.jsonl", lines)
    except OSError as error:
        raise BadInput(f"argument --out-dir: cannot write {error.filename}: {error.strerror}") from error


def _texts(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            return [json.loads(line)["problem"] for line in file]
    except OSError as error:
        raise BadInput(f"argument --exclude: cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"argument --exclude: {path} is no file of problems, a JSON object with 'problem' a line"
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    return run_command("problems", command, arguments)


if __name__ == "__main__":
    sys.exit(main())
