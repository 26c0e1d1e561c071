"""Every random number of ours: a hash of what it is for, never a generator's next one.

Rollouts and samples run concurrently, runs and jobs resume, and neither may change what is drawn.
"""

import hashlib


def uniform_draw(*key: int | str) -> float:
    """A number in [0, 1) that depends on ``key`` alone, e.g. (run seed, step, prompt, rollout, turn, reply).

    The parts are joined by a control character: a text from outside, which might hold it, belongs in no key.
    """
    digest = hashlib.sha256("\x1f".join(str(part) for part in key).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def sampling_seed(*key: int | str) -> int:
    """A seed in [0, 2**31) for one request to an inference engine, as a function of ``key`` alone."""
    return int(uniform_draw("sampling", *key) * 2**31)


def sample_seed(seed: int, benchmark: str, question_id: str, sample: int) -> int:
    """A seed in [0, 2**63) for draw number ``sample`` of one question of a benchmark, a function of all four.

    So a rerun, a run of fewer benchmarks, or a run that goes on after an interruption gives each sample the seed it had
    before, and draws of different questions are not related as seed, seed + 1, … would be.
    """
    return _seed63(str(seed), benchmark, question_id, str(sample))


def turn_seed(sample: int, *place: int) -> int:
    """A seed in [0, 2**63) for one turn of a sample that takes several; ``place`` tells the sample's turns apart.

    Args:
        sample: the sample's own seed, :func:`sample_seed`.
        place: which turn, and of which of several paths, say.
    """
    return _seed63("turn", str(sample), *map(str, place))


def _seed63(*parts: str) -> int:
    # The names come from files: with lengths in the text that is hashed, none can imitate a separator.
    text = "".join(f"{len(part)}:{part}," for part in parts)
    # vLLM and torch take signed 64-bit seeds, hence 63 bits.
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
