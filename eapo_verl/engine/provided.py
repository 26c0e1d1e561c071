"""Experts' solutions on their way into a run: what each training prompt is provided with, a hint or rows.

It depends on nothing but the files, the settings and the run's seed, which chooses among a problem's solutions.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas
from transformers import AutoTokenizer

from eapo_verl.engine.vocabulary import forbidden_words, prompt_ids, special_tokens
from eapo_verl.method.draws import uniform_draw
from eapo_verl.method.grammar import neutralise
from eapo_verl.method.hints import Fate, hint_of
from eapo_verl.record.solutions import read_provenance, read_solutions
from eapo_verl.settings.run import RunError, RunSettings
from tasks import task


def provide(settings: RunSettings, folder: Path) -> dict[str, int]:
    """Add to each row of ``folder``'s ``train.parquet`` what its prompt is provided with.

    That is, in ``extra_info``, ``hint`` (``text``, and ``fate`` where the schedule lets it be shown) or ``solutions``
    (texts, at most ``off_policy.rows``). Where these are always members of the group, fewer rollouts are sampled, by
    the field that verl has for that.

    Returns:
        for ``run.json``: different ``solutions`` of the prompts; of these ``solutions_wrong`` (by the task's grade),
        ``solutions_unsafe`` (with a tag, a special token or a control character) and ``solutions_too_long`` (for a
        response), which are left out; prompts by ``hint_shown`` (where the schedule lets it be), ``hint_too_long``,
        ``hint_missing``, or ``prompts_with_rows`` and ``rows``. Nothing where the run uses no solutions.

    Raises:
        RunError: a file of solutions, or what stands beside it, is malformed; or nothing in them can be used.
    """
    if settings.hint is None and settings.off_policy is None:
        return {}
    path = folder / "train.parquet"
    rows: list[dict[Any, Any]] = pandas.read_parquet(path).to_dict("records")
    solutions: dict[str, list[str]] = {}
    for file in settings.solutions.values():
        # What they cost is written down in the end; that it is not known is said now.
        read_provenance(file)
        for one in read_solutions(file):
            solutions.setdefault(one.problem_id, []).append(one.solution)
    tokenizer = AutoTokenizer.from_pretrained(settings.policy)
    counts: Counter[str] = Counter()
    for row in rows:
        about, answer = row["extra_info"], row["reward_model"]["ground_truth"]
        # Of several experts the same one, too.
        found = list(dict.fromkeys(solutions.get(about["id"], [])))
        right = [text for text in found if task(about["task"]).grade(text, answer).correct]
        counts["solutions"] += len(found)
        counts["solutions_wrong"] += len(found) - len(right)
        draws = [uniform_draw("solution", settings.seed, about["index"], place) for place in range(len(right))]
        chosen = [text for _, text in sorted(zip(draws, right, strict=True))]
        if settings.hint is not None:
            about["hint"] = _hint(settings, tokenizer, row, chosen)
            counts[f"hint_{about['hint']['fate']}"] += 1
        else:
            about["solutions"] = _texts(settings, tokenizer, chosen, counts)
            counts["prompts_with_rows"] += bool(about["solutions"])
            counts["rows"] += len(about["solutions"])
            if settings.off_policy is not None and settings.off_policy.when == "always":
                row["__rollout_n__"] = settings.budget.rollouts_per_prompt - len(about["solutions"])
    if not counts["hint_shown"] + counts["rows"]:
        files = ", ".join(map(str, settings.solutions.values()))
        listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        raise RunError(
            f"{files}: nothing that can be used with any of {len(rows)} training prompts ({listed}); allowed are "
            f"{settings.lengths.prompt} tokens of a prompt with its hint (lengths.prompt), and "
            f"{settings.lengths.response} of a solution (lengths.response)"
        )
    pandas.DataFrame(rows).to_parquet(path)
    return dict(sorted(counts.items()))


def _hint(settings: RunSettings, tokenizer: Any, row: dict[str, Any], solutions: Sequence[str]) -> dict[str, Any]:
    """The first solution's hint as ``text``, None where it cannot be shown, and as ``fate`` what becomes of it."""
    assert settings.hint is not None
    text = None
    if solutions:
        words = forbidden_words(settings.consultation.tags, tokenizer)
        text = hint_of(solutions[0], settings.hint.share, row["reward_model"]["ground_truth"], words)
    fate: Fate = "missing"
    if text is not None:
        ids = prompt_ids(tokenizer, list(row["prompt"]), settings.chat_template_kwargs)
        room = settings.lengths.prompt - len(ids)
        fate = "shown" if len(tokenizer.encode(text, add_special_tokens=False)) <= room else "too_long"
    return {"text": text if fate == "shown" else None, "fate": fate}


def _texts(settings: RunSettings, tokenizer: Any, solutions: Sequence[str], counts: Counter[str]) -> list[str]:
    """The first solutions that can be rows; of the others it is counted why they cannot."""
    assert settings.off_policy is not None
    tags = settings.consultation.tags
    # A row is what the policy itself is to write: thoughts too, whose tags are added tokens of many.
    words = (*tags.markup, *special_tokens(tokenizer))
    usable = []
    for text in solutions:
        # A row is learned word for word: what would have to be changed is left out.
        if neutralise(text, words, tags.consult_open, len(text)).text != text.strip():
            counts["solutions_unsafe"] += 1
        # And the token that ends a turn.
        elif len(tokenizer.encode(text, add_special_tokens=False)) + 1 > settings.lengths.response:
            counts["solutions_too_long"] += 1
        else:
            usable.append(text)
    return usable[: settings.off_policy.rows]
