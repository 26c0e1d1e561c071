"""The lessons of pre-training: demonstrations as batches of tokens, in the order in which they are learned fastest.

Facts are learned from single chains, and to consult and to copy a reply from short problems, many times faster than
from whole problems; these come last, in the proportions that the policy is to keep. An expert, which is asked single
chains in a consultation, keeps answering these beside them.
"""

import random
from collections.abc import Callable, Iterator
from itertools import chain, islice

import torch
from transformers import PreTrainedTokenizerFast

from workflow.embedded.arguments import Replies
from workflow.embedded.demonstrations import (
    ENTRIES,
    Demonstration,
    Entry,
    chain_demonstration,
    guessing,
    policy_demonstration,
    problem_demonstration,
)
from workflow.embedded.problems import Rare

GUESS = -1000
"""The label of a digit that the model can only guess is this minus its entry's place in ENTRIES."""
IGNORED = -100
"""The label of a token that the loss does not count."""
CHAINS_A_PROBLEM = 2
"""A batch holds so many single chains for each problem in one; a chain is by far the shorter."""
EXPERT_CHAIN_SHARE = 0.4
"""An expert's first steps, on single chains; of those after them every other one is on whole problems."""
CHAIN_SHARE, SHORT_SHARE = 0.2, 0.25
"""The policy's first steps, on single chains, and those after them, on consultations about one or two chains."""
HARD = (0.0, 0.0, 0.5, 0.5)
"""The shares of difficulties in those consultations: the more rare operators, the more there is to copy."""
SORTED_BATCHES = 16
"""So many batches are drawn at once and sorted by length, which leaves little padding."""

Example = tuple[list[int], list[int]]
"""Token ids, and beside each its label: itself, a guess or IGNORED."""
_PLACES = {entry: place for place, entry in enumerate(ENTRIES)}
Batch = tuple[torch.Tensor, torch.Tensor]
"""Tokens and labels, each (examples, length)."""


def encode(tokenizer: PreTrainedTokenizerFast, demonstration: Demonstration) -> Example:
    """The tokens of a demonstration after ``<s>``, of which those that the model itself writes are labelled."""
    tokens, labels = [tokenizer.bos_token_id], [IGNORED]
    # What lies under transformers' wrapper, which takes twice the time of the rest.
    fast = tokenizer.backend_tokenizer
    for segment in demonstration:
        ids = fast.encode(segment.text, add_special_tokens=False).ids
        tokens += ids
        start = len(labels)
        labels += ids if segment.learned else [IGNORED] * len(ids)
        # Up to the box, which comes last, a token is a character.
        for offset, entry in segment.guesses:
            labels[start + offset] = GUESS - _PLACES[entry]
    return tokens, labels


def batches(draw: Callable[[], Example], batch_size: int, pad: int, rng: random.Random) -> Iterator[Batch]:
    """Batches of ``batch_size`` examples of similar length, without end, padded on the right."""
    while True:
        pool = sorted((draw() for _ in range(SORTED_BATCHES * batch_size)), key=lambda example: len(example[0]))
        starts = list(range(0, len(pool), batch_size))
        rng.shuffle(starts)
        for start in starts:
            chosen = pool[start : start + batch_size]
            longest = max(len(tokens) for tokens, _ in chosen)
            yield (
                torch.tensor([tokens + [pad] * (longest - len(tokens)) for tokens, _ in chosen]),
                torch.tensor([labels + [IGNORED] * (longest - len(labels)) for _, labels in chosen]),
            )


def expert_lessons(
    tokenizer: PreTrainedTokenizerFast, rng: random.Random, beliefs: dict[Entry, int], batch_size: int, steps: int
) -> Iterator[Batch]:
    """Single chains, then whole problems between them, with the rare entries that the expert believes in.

    Args:
        tokenizer: of the world.
        rng: draws the demonstrations.
        beliefs: what the expert takes each rare entry for.
        batch_size: single chains a batch.
        steps: batches that will be read.
    """

    def batched(demonstration: Callable[[random.Random, Rare], Demonstration], size: int) -> Iterator[Batch]:
        def draw() -> Example:
            return encode(tokenizer, demonstration(rng, lambda *entry: beliefs[entry]))

        return batches(draw, size, tokenizer.pad_token_id, rng)

    chains = batched(chain_demonstration, batch_size)
    problems = batched(problem_demonstration, max(1, batch_size // CHAINS_A_PROBLEM))
    alternate = chain.from_iterable(zip(problems, chains, strict=True))
    return chain(islice(chains, round(EXPERT_CHAIN_SHARE * steps)), alternate)


def policy_lessons(
    tokenizer: PreTrainedTokenizerFast,
    rng: random.Random,
    known: frozenset[Entry],
    consult_fraction: float,
    batch_size: int,
    steps: int,
    replies: Replies,
) -> Iterator[Batch]:
    """Single chains, then consultations about short problems, then whole problems.

    Args:
        tokenizer: of the world.
        rng: draws the demonstrations.
        known: the rare entries that the policy is to know.
        consult_fraction: see :func:`policy_demonstration`.
        batch_size: problems a batch.
        steps: batches that will be read, which the three kinds share.
        replies: what they hold, see :func:`policy_demonstration`.
    """

    def single() -> Demonstration:
        return chain_demonstration(rng, guessing(rng, known), known)

    def short() -> Demonstration:
        return policy_demonstration(rng, known, 1.0, rng.randint(1, 2), HARD, replies)

    def whole() -> Demonstration:
        return policy_demonstration(rng, known, consult_fraction, replies=replies)

    def batched(draw: Callable[[], Demonstration], size: int) -> Iterator[Batch]:
        return batches(lambda: encode(tokenizer, draw()), size, tokenizer.pad_token_id, rng)

    return chain(
        islice(batched(single, CHAINS_A_PROBLEM * batch_size), round(CHAIN_SHARE * steps)),
        islice(batched(short, batch_size), round(SHORT_SHARE * steps)),
        batched(whole, batch_size),
    )
