"""The seed of each single sample."""

from __future__ import annotations

import hashlib


def sample_seed(seed: int, benchmark: str, question_id: str, sample: int) -> int:
    """Seed in [0, 2**63) for draw number `sample` of one question, a hash of all four arguments.

    It depends on nothing else, so a rerun, a run of other benchmarks beside this one, of more samples, or one that
    goes on after an interruption gives each sample the seed it had before, and draws of different questions are not
    related as seed, seed + 1, … would be.
    """
    # Lengths are part of the text that is hashed, so that no name or id can imitate a separator.
    parts = (str(seed), benchmark, question_id, str(sample))
    text = "".join(f"{len(part)}:{part}," for part in parts)
    # vLLM and torch take signed 64-bit seeds, hence 63 bits.
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
