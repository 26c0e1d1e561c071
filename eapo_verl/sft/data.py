"""Experts' solutions as the rows of verl's SFT trainer, and the order in which a run learns from them."""

import random
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pandas
from torch.utils.data import DistributedSampler

from eapo_verl.engine.prompts import problem_rows
from eapo_verl.engine.vocabulary import check_chat_template, prompt_ids, special_tokens
from eapo_verl.method.draws import sample_seed
from eapo_verl.record.solutions import read_solutions
from eapo_verl.settings.run import RunError
from eapo_verl.sft.settings import SFTSettings

#: Why a solution is not learned from.
DROPPED = ("duplicate", "special_token", "long_prompt", "long_solution", "beyond_budget")


class Row(NamedTuple):
    """A solution that is learned from; the policy's tokens before it, and those of it that the loss counts."""

    messages: list[dict[str, str]]
    prompt_tokens: int
    solution_tokens: int


class Rows(NamedTuple):
    """What a run learns from.

    Attributes:
        rows: different ones, in the order of the files.
        problems: how many problems they solve.
        share: these, of all problems with a solution that could be learned from: that of the experts' cost which is
            this run's.
        dropped: solutions that are not learned from, by reason (``DROPPED``).
    """

    rows: list[Row]
    problems: int
    share: float
    dropped: dict[str, int]


def read_rows(settings: SFTSettings, tokenizer: Any) -> Rows:
    """The solutions of all experts as conversations of the policy.

    Left out are a text that another expert wrote for the same problem, one that holds a special token of the policy's
    tokenizer, and one that is longer than ``lengths`` allows a rollout; and where more problems were solved than the
    budget has prompts, those that the run's seed does not draw.

    Raises:
        RunError: a file is malformed; there are fewer rows than a batch holds; the policy's chat template does not
            continue a prompt where its generation starts, or does not read what it is told.
    """
    check_chat_template(settings, tokenizer)
    found = problem_rows(settings.train_file, settings.system_prompt)
    problems = {row["extra_info"]["id"]: row["prompt"] for row in found}
    special = special_tokens(tokenizer)
    dropped: Counter[str] = Counter(dict.fromkeys(DROPPED, 0))
    kept: dict[tuple[str, str], Row] = {}
    for path in settings.solutions.values():
        for one in read_solutions(path):
            if one.problem_id not in problems:
                raise RunError(f"{path}: problem {one.problem_id!r} is none of {settings.train_file}")
            key = (one.problem_id, one.solution)
            row = _row(problems[one.problem_id], one.solution, tokenizer, settings)
            if key in kept:
                dropped["duplicate"] += 1
            elif any(text in one.solution for text in special):
                dropped["special_token"] += 1
            elif row.prompt_tokens > settings.lengths.prompt:
                dropped["long_prompt"] += 1
            elif row.solution_tokens > settings.lengths.response:
                dropped["long_solution"] += 1
            else:
                kept[key] = row
    solved = {problem for problem, _ in kept}
    order_of_draw = sorted(solved, key=lambda problem: sample_seed(settings.seed, "learned", problem, 0))
    drawn = set(order_of_draw[: settings.problems])
    dropped["beyond_budget"] = sum(problem not in drawn for problem, _ in kept)
    kept = {key: row for key, row in kept.items() if key[0] in drawn}
    if len(kept) < settings.batch:
        experts = ", ".join(settings.solutions)
        left_out = ", ".join(f"{reason} {count}" for reason, count in dropped.items())
        raise RunError(
            f"solutions of {experts}: {len(kept)} different right ones can be learned from, and a batch takes "
            f"{settings.batch} (left out: {left_out}); ask for more (solutions.problems, solutions.samples)"
        )
    return Rows(list(kept.values()), len(drawn), len(drawn) / len(solved), dict(dropped))


def _row(prompt: list[dict[str, str]], solution: str, tokenizer: Any, settings: SFTSettings) -> Row:
    messages = [*prompt, {"role": "assistant", "content": solution}]
    before = prompt_ids(tokenizer, prompt, settings.chat_template_kwargs)
    whole = tokenizer.apply_chat_template(messages, return_dict=False, **settings.chat_template_kwargs)
    if whole[: len(before)] != before:
        raise RunError(
            f"{settings.policy}: its chat template does not continue a prompt where its generation starts (one that "
            "rewrites thoughts, say), so that the policy would learn from other prompts than it is asked"
        )
    return Row(messages, len(before), len(whole) - len(before))


def order(rows: int, needed: int, seed: int) -> list[int]:
    """``needed`` indices of ``rows`` rows: epoch after epoch, each in an order of its own that ``seed`` decides."""
    rng = random.Random(f"order of solutions {seed}")
    indices: list[int] = []
    while len(indices) < needed:
        epoch = list(range(rows))
        rng.shuffle(epoch)
        indices += epoch
    return indices[:needed]


def lay_out(ordered: list[int]) -> list[int]:
    """The same indices, so placed that verl reads them in their order.

    verl's trainer shuffles its rows by torch's sampler, always the same way: it has no seed for it.
    """
    placed = [0] * len(ordered)
    # Of a data set it looks at the length alone.
    for place, index in zip(DistributedSampler(ordered, num_replicas=1, rank=0), ordered, strict=True):
        placed[place] = index
    return placed


def write_rows(rows: Rows, settings: SFTSettings, path: Path) -> list[Row]:
    """Write the parquet of the whole run, one epoch for verl; returns its rows in the order they are learned from."""
    ordered = order(len(rows.rows), settings.optimiser_steps * settings.batch, settings.seed)
    pandas.DataFrame({"messages": [rows.rows[index].messages for index in lay_out(ordered)]}).to_parquet(path)
    return [rows.rows[index] for index in ordered]
