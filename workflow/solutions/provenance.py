"""How an expert's solutions were come by: who was asked, when, how much, what became of it, and what it cost."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from eapo_verl.experts.reply import Reply
from eapo_verl.record.costs import forward_flops
from eapo_verl.record.provenance import git_sha, hardware
from eapo_verl.record.solutions import Solution
from workflow.solutions.problems import Question
from workflow.solutions.settings import JobSettings


def provenance(
    job: JobSettings,
    model_sha256: str | None,
    samples: Sequence[tuple[Question, Reply]],
    kept: Sequence[Solution],
    fates: Counter[str],
    wall_s: float,
) -> dict[str, Any]:
    """What stands beside the solutions.

    ``asked`` is the number of samples, of which ``right`` were; ``fates`` says what became of each
    (:mod:`workflow.solutions.verdicts`); ``solved`` problems have a solution. Tokens, requests, dollars and FLOPs are
    of all samples, those of an interrupted attempt included.
    """
    replies = [reply for _, reply in samples]
    tokens = sum(reply.tokens for reply in replies)
    prompt_tokens = sum(reply.prompt_tokens for reply in replies)
    expert, solved, machine = job.endpoint, {one.problem_id for one in kept}, hardware()
    return {
        "experiment": job.experiment,
        "expert": expert.name,
        "model": expert.model,
        "model_sha256": model_sha256,
        "parameters": expert.parameters,
        # A served expert computes in this precision without an accelerator; of others nothing is known.
        "precision": "float32" if job.model is not None and not machine["accelerators"] else None,
        "settings": job.solutions.model_dump(mode="json"),
        "problems": len({question.id for question, _ in samples}),
        "solved": len(solved),
        "by_difficulty": _by_difficulty([question for question, _ in samples], solved),
        "asked": len(replies),
        "right": fates["kept"] + fates["duplicate"] + fates["surplus"],
        "kept": len(kept),
        "fates": dict(fates),
        "capped": sum(reply.capped for reply in replies),
        "tokens": tokens,
        "prompt_tokens": prompt_tokens,
        # A reply out of the journal was a request, too.
        "requests": sum(reply.attempts + reply.cached for reply in replies),
        "cost_usd": (tokens * expert.price_per_million_output + prompt_tokens * expert.price_per_million_input) / 1e6,
        "flops": None if expert.parameters is None else forward_flops(expert.parameters, tokens + prompt_tokens),
        "git_sha": git_sha(),
        "hardware": machine,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_s": round(wall_s, 1),
    }


def _by_difficulty(questions: Sequence[Question], solved: set[str]) -> dict[str, dict[str, int]]:
    """Problems and solved ones by difficulty, of problems that say theirs."""
    levels = {question.id: str(question.difficulty) for question in questions if question.difficulty is not None}
    asked, right = Counter(levels.values()), Counter(level for name, level in levels.items() if name in solved)
    return {level: {"problems": asked[level], "solved": right[level]} for level in sorted(asked)}
