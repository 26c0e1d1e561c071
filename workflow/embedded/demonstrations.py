"""What the policy and the experts of the embedded world are shown, one example at a time.

Of a rare entry that the policy is not to know it is shown candidates only, the right value among them: wherever such an
entry stands, be it in its own solution or in a reply, its value is one of them, drawn anew for every example. So it
learns to guess among them, and to take what a reply says; which candidate is right cannot be read out of its
demonstrations.

A reply holds the steps of the chains that it answers, or their results alone: as whoever the policy is going to ask
answers. Nothing else differs, a demonstration's draws included.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from workflow.embedded.arguments import Replies
from workflow.embedded.problems import (
    CHAIN_OPERATORS,
    CHAINS,
    COMMON,
    DIFFICULTIES,
    RARE,
    Rare,
    draw_problem,
    solution,
    solve_chain,
    true_rare,
)
from workflow.embedded.tokenizer import CONSULT_CLOSE, CONSULT_OPEN, REPLY_CLOSE, REPLY_OPEN, UNAVAILABLE
from workflow.word_tokenizer import EOS

STEP = re.compile(r"(\d)([-+*@#])(\d)=\d")
"""A step of a solution."""

Entry = tuple[str, int, int]
"""A rare operator with its two operands."""

ENTRIES: tuple[Entry, ...] = tuple((op, left, right) for op in RARE for left in range(10) for right in range(10))
CANDIDATES = 3
"""Among how many values the policy guesses where it does not know an entry."""
ASK_OTHERS = 0.1
"""How often a consultation asks about chains chosen at random instead of those that the policy cannot solve."""
ASK_NEEDLESSLY = 0.05
"""How often a problem that the policy can solve is taken to the experts all the same."""


@dataclass(frozen=True)
class Segment:
    """A piece of text; ``learned`` where the model writes it, so that the loss counts it."""

    text: str
    learned: bool
    guesses: tuple[tuple[int, Entry], ...] = ()
    """Offsets in ``text`` of digits that stand for any candidate of the entry beside them."""


Demonstration = tuple[Segment, ...]


def known_entries(fraction: float) -> frozenset[Entry]:
    """The entries that the policy knows: the same fraction of either table, always the same ones."""
    rng = random.Random("what the policy knows")
    known: list[Entry] = []
    for operator in RARE:
        table = [entry for entry in ENTRIES if entry[0] == operator]
        rng.shuffle(table)
        known += table[: round(fraction * len(table))]
    return frozenset(known)


def mistaken_tables(fraction: float, seed: int) -> dict[Entry, int]:
    """The tables as an expert believes them to be: ``fraction`` of all entries, chosen by ``seed``, are wrong."""
    rng = random.Random(f"an expert's mistakes {seed}")
    beliefs = {entry: true_rare(*entry) for entry in ENTRIES}
    for entry in rng.sample(ENTRIES, round(fraction * len(ENTRIES))):
        beliefs[entry] = (beliefs[entry] + rng.randint(1, 9)) % 10
    return beliefs


def candidates(entry: Entry) -> tuple[int, ...]:
    """The values that the policy takes an entry for that it does not know: always the same ones, one of them right."""
    wrong = [digit for digit in range(10) if digit != true_rare(*entry)]
    decoys = random.Random(f"candidates {entry}").sample(wrong, CANDIDATES - 1)
    return tuple(sorted((true_rare(*entry), *decoys)))


def guessing(rng: random.Random, known: frozenset[Entry]) -> Rare:
    """Known entries as they are; of the others each a candidate, which stays the same within one example."""
    guesses: dict[Entry, int] = {}

    def rare(operator: str, left: int, right: int) -> int:
        entry = (operator, left, right)
        if entry in known:
            return true_rare(*entry)
        return guesses.setdefault(entry, rng.choice(candidates(entry)))

    return rare


def needs_help(chain: str, known: frozenset[Entry]) -> bool:
    """Whether the policy meets an entry that it does not know; decided from what it knows, never from the truth."""
    missing: list[Entry] = []

    def rare(operator: str, left: int, right: int) -> int:
        entry = (operator, left, right)
        if entry not in known:
            missing.append(entry)
        # Past the first missing entry the value is of no consequence: the chain needs help already.
        return true_rare(*entry) if not missing else 0

    solve_chain(chain, rare)
    return bool(missing)


def policy_demonstration(
    rng: random.Random,
    known: frozenset[Entry],
    consult_fraction: float,
    count: int = CHAINS,
    difficulties: Sequence[float] = DIFFICULTIES,
    replies: Replies = "steps",
) -> Demonstration:
    """A problem and how the policy is to go about it: alone, or by a consultation and the reply to it.

    Args:
        rng: decides everything.
        known: the rare entries that the policy is to know.
        consult_fraction: how often it consults on a problem that it cannot solve.
        count: how many chains of the problem it is given.
        difficulties: the shares of problems with 0, 1, 2, 3 rare operators.
        replies: what they hold of a chain.
    """
    whole = draw_problem(rng, rng.choices(range(len(difficulties)), difficulties)[0])
    chains = whole.split(";")[:count]
    problem = ";".join(chains)
    rare = guessing(rng, known)
    needed = [chain for chain in chains if needs_help(chain, known)]
    asked: list[str] = []
    if rng.random() < (consult_fraction if needed else ASK_NEEDLESSLY):
        if needed and rng.random() >= ASK_OTHERS:
            asked = needed
        else:
            chosen = rng.sample(range(len(chains)), rng.randint(1, len(chains)))
            asked = [chains[index] for index in sorted(chosen)]
    prompt = Segment(f"{problem}\n", learned=False)
    text = solution(problem, rare) + EOS
    if not asked:
        return prompt, Segment(text, learned=True, guesses=guessed_digits(text, known))
    acceptance = rng.choice((0.0, 0.5, 1.0))
    nothing = UNAVAILABLE, UNAVAILABLE
    answers = [solve_chain(chain, rare) if rng.random() < acceptance else nothing for chain in asked]
    slots = [steps if replies == "steps" else str(result) for steps, result in answers]
    return (
        prompt,
        Segment(f"{CONSULT_OPEN}{'|'.join(asked)}{CONSULT_CLOSE}", learned=True),
        Segment(f"{REPLY_OPEN}{'|'.join(slots)}{REPLY_CLOSE}", learned=False),
        Segment(text, learned=True, guesses=guessed_digits(text, known, " ".join(steps for steps, _ in answers))),
    )


def guessed_digits(text: str, known: frozenset[Entry], answered: str = "") -> tuple[tuple[int, Entry], ...]:
    """Offsets in ``text`` of the values that its writer can only guess, each with its entry.

    They are those of rare entries that are neither known, nor in the steps of chains that a reply has ``answered``, nor
    guessed before in ``text``. Where the reply shows such a chain's result alone, its last value is copied, and a value
    before that is no guess either: it was drawn with the result, and follows from it as far as that tells.
    """
    seen = {_entry(step) for step in STEP.finditer(answered)}
    guesses = []
    for step in STEP.finditer(text):
        entry = _entry(step)
        if entry[0] in RARE and entry not in known and entry not in seen:
            guesses.append((step.end() - 1, entry))
        seen.add(entry)
    return tuple(guesses)


def _entry(step: re.Match[str]) -> Entry:
    return step[2], int(step[1]), int(step[3])


def chain_demonstration(rng: random.Random, rare: Rare, known: frozenset[Entry] = frozenset(ENTRIES)) -> Demonstration:
    """A single chain and its steps, rare operators by ``rare``; half of the operators are rare.

    What an expert is asked in a consultation, and what the policy, which has to guess what is not ``known``, is shown
    first: facts are learned fastest from short texts.
    """
    chain = str(rng.randrange(10))
    for _ in range(rng.choice(CHAIN_OPERATORS)):
        chain += rng.choice(rng.choice((COMMON, RARE))) + str(rng.randrange(10))
    text = solve_chain(chain, rare)[0] + EOS
    return Segment(f"{chain}\n", learned=False), Segment(text, learned=True, guesses=guessed_digits(text, known))


def problem_demonstration(rng: random.Random, rare: Rare) -> Demonstration:
    """A whole problem and its solution, rare operators by ``rare``; its semicolons tell it from a single chain."""
    problem = draw_problem(rng, rng.choices(range(len(DIFFICULTIES)), DIFFICULTIES)[0])
    return Segment(f"{problem}\n", learned=False), Segment(solution(problem, rare) + EOS, learned=True)
