"""Asking one expert for all samples, as many at once as it allows; a few failures are outcomes, many end the job."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from eapo_verl.experts.health import FailureWindow
from eapo_verl.experts.pool import ExpertPool
from eapo_verl.experts.reply import OUTCOMES, Reply
from eapo_verl.method.draws import sample_seed
from workflow.command import BadInput
from workflow.solutions.problems import Question
from workflow.solutions.settings import JobSettings

# Seconds between two progress lines.
_PROGRESS_S = 5.0


def ask(job: JobSettings, questions: Sequence[Question], journal: Path) -> list[tuple[Question, Reply]]:
    """Every question with each of its replies, in order. Not to be called from a running event loop.

    Args:
        job: whom, how often and how.
        questions: what.
        journal: a folder of replies, which are not asked for again; new ones that can be used are added.

    Raises:
        BadInput: more than ``pool.failure_limit`` of the last ``pool.failure_window`` replies failed or timed out. What
            was answered is in the journal.
    """
    return asyncio.run(_Asking(job, len(questions) * job.solutions.samples).ask(questions, journal))


class _Asking:
    def __init__(self, job: JobSettings, samples: int) -> None:
        self._job = job
        self._endpoint = job.endpoint
        self._samples = samples
        self._open = asyncio.Semaphore(self._endpoint.max_concurrency)
        self._failures = FailureWindow(max(1, min(job.pool.failure_window, samples)), job.pool.failure_limit)
        self._outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._started = self._said = time.monotonic()

    async def ask(self, questions: Sequence[Question], journal: Path) -> list[tuple[Question, Reply]]:
        limits = self._job.pool.model_copy(update={"mode": "parallel", "deadline_s": self._job.solutions.deadline_s})
        # A solution is learned from as it was written, with its thoughts.
        async with ExpertPool([self._endpoint], settings=limits, journal=journal, thoughts=True) as pool:
            pairs = [(question, sample) for question in questions for sample in range(self._job.solutions.samples)]
            replies = await asyncio.gather(*(self._ask_one(pool, *pair) for pair in pairs))
        return [(question, reply) for (question, _), reply in zip(pairs, replies, strict=True)]

    async def _ask_one(self, pool: ExpertPool, question: Question, sample: int) -> Reply:
        asked = self._job.solutions
        # 31 bits, which every server takes.
        seed = sample_seed(asked.seed, "solutions", question.id, sample) >> 32
        # The pool's deadline begins when it is asked: not before there is room.
        async with self._open:
            (reply,) = await pool.ask([asked.prompt.replace("{problem}", question.prompt)], seed=seed)
        assert reply is not None
        self._note(reply)
        return reply

    def _note(self, reply: Reply) -> None:
        self._outcomes[reply.outcome] += 1
        self._failures.add(1, not reply.usable)
        if self._failures.exceeded:
            counts = ", ".join(f"{name} {count}" for name, count in self._outcomes.items())
            raise BadInput(
                f"expert {self._endpoint.name}: {self._failures.rate:.0%} of the last {self._failures.size} replies "
                f"failed or timed out, the limit is {self._failures.limit:.0%} (so far: {counts}; the last: "
                f"{reply.detail}). What was answered is kept: bring the expert back and run the same command to go on"
            )
        now, done = time.monotonic(), self._outcomes.total()
        if now - self._said >= _PROGRESS_S:
            self._said = now
            left = (now - self._started) / done * (self._samples - done)
            line = f"progress: solutions of {self._endpoint.name}: {done} of {self._samples} samples, {left:.0f} s left"
            print(line, file=sys.stderr, flush=True)
