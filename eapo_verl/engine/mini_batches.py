"""Which rows share a mini-batch, and which of them each data-parallel rank computes.

verl gives each rank consecutive rows of a step, and each mini-batch consecutive rows of every rank. By itself it orders
rows by length for the ranks, so that what shares a mini-batch depends on how many ranks there are. Pure functions.
"""

from collections.abc import Sequence

#: Kinds of rows, in the order in which they are dealt: what the loss is a mean over; other samples; padding.
MEMBER, EXTRA, PADDING = range(3)


def deal(kinds: Sequence[int], loads: Sequence[float], mini_batches: int, ranks: int) -> list[int]:
    """The rows, by index, in an order that verl cuts into mini-batches of which each rank has its share.

    What is in a mini-batch does not depend on the number of ranks. In it, each rank has as many rows of a kind as any
    other, give or take one, and about as much to compute. Left where it is appended, padding would make up the last
    mini-batch of the last rank, whose few rollouts would weigh more than the others.

    Args:
        kinds: of each row. Of members each mini-batch has consecutive ones; then the others are dealt out one by one,
            by kind, to the mini-batch that has fewest rows.
        loads: what each row takes to compute, in any unit.
        mini_batches: of a step.
        ranks: data-parallel ones.

    Raises:
        ValueError: the rows cannot be divided.
    """
    pieces = mini_batches * ranks
    if pieces < 1 or len(kinds) % pieces:
        raise ValueError(f"{len(kinds)} rows cannot be divided into {pieces} equal pieces")
    own = [row for row, kind in enumerate(kinds) if kind == MEMBER]
    rest = [row for row, kind in enumerate(kinds) if kind != MEMBER]
    filled = [own[len(own) * at // mini_batches : len(own) * (at + 1) // mini_batches] for at in range(mini_batches)]
    for row in sorted(rest, key=lambda row: kinds[row]):
        min(filled, key=len).append(row)
    shares = [_among_ranks(rows, kinds, loads, ranks, first=turn % ranks) for turn, rows in enumerate(filled)]
    return [row for rank in range(ranks) for share in shares for row in share[rank]]


def _among_ranks(
    rows: Sequence[int], kinds: Sequence[int], loads: Sequence[float], ranks: int, first: int
) -> list[list[int]]:
    """The rows of a mini-batch that each rank has, in their order: the largest go first, to whom has least yet.

    ``first`` is the rank that comes first where several have as little; the same one each time would have the largest
    row of every mini-batch, and never the odd one.
    """
    given: list[list[int]] = [[] for _ in range(ranks)]

    def has(rank: int, kind: int) -> tuple[int, int, float]:
        mine = given[rank]
        return len(mine), sum(kinds[row] == kind for row in mine), sum(loads[row] for row in mine)

    turns = [*range(first, ranks), *range(first)]
    for row in sorted(rows, key=lambda row: (kinds[row], -loads[row])):
        given[min(turns, key=lambda rank: has(rank, kinds[row]))].append(row)
    place = {row: at for at, row in enumerate(rows)}
    return [sorted(mine, key=place.__getitem__) for mine in given]
