"""What has been drawn for a benchmark, kept beside the files that a workflow's jobs leave.

Snakemake removes what a job leaves before the job runs again, and when it fails; what is kept here outlives both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from eapo_verl.method.draws import sample_seed
from workflow.sampling.identity import digest, identity
from workflow.sampling.journal import Journal
from workflow.sampling.output import Row, write_json
from workflow.sampling.questions import Benchmark
from workflow.sampling.request import Request

#: The folder of the store, in that of the samples.
FOLDER = ".drawn"


class Drawn:
    """The samples of one benchmark that are there for a request: its journal, and the record of how they were drawn.

    A context manager. Raises SamplingError, in use too, where a file cannot be read or written.
    """

    def __init__(self, out_dir: Path, request: Request, model_sha256: str, benchmark: Benchmark) -> None:
        self.benchmark = benchmark
        #: What the samples follow from; samples of another identity are not taken over.
        self.identity = identity(request, model_sha256, benchmark)
        self._digest = digest(self.identity)
        self._record_path = out_dir / FOLDER / f"{benchmark.name}.json"
        self._seeds = [
            (question.id, number, sample_seed(request.seed, benchmark.name, question.id, number))
            for question in benchmark.questions
            for number in range(request.samples)
        ]
        self.journal = Journal(out_dir / FOLDER / f"{benchmark.name}.journal", self._digest)

    def __enter__(self) -> Drawn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.journal.__exit__(kind, error, trace)

    @property
    def missing(self) -> int:
        """How many of the request's samples are not there."""
        return sum(seed not in self.journal for _, _, seed in self._seeds)

    @property
    def complete(self) -> bool:
        """Whether all samples are there, and the record of how they were drawn."""
        return not self.missing and self.record is not None

    @property
    def record(self) -> dict[str, Any] | None:
        """What :meth:`finish` kept; None where that was not for these samples."""
        try:
            content = json.loads(self._record_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content["record"] if isinstance(content, dict) and content.get("identity") == self._digest else None

    def finish(self, record: Mapping[str, Any]) -> None:
        """Keeps how the samples, which are all there now, were drawn."""
        write_json(self._record_path, {"identity": self._digest, "record": dict(record)})

    def rows(self) -> Iterator[Row]:
        """The request's samples, by question in the file's order, then by number. Raises KeyError if one is missing."""
        for question, number, seed in self._seeds:
            drawn = self.journal[seed]
            yield Row(
                question_id=question,
                sample=number,
                response=drawn.response,
                n_tokens=drawn.n_tokens,
                finish_reason=drawn.finish_reason,
                expert_tokens=drawn.expert_tokens,
                expert_prompt_tokens=drawn.expert_prompt_tokens,
                expert_requests=drawn.expert_requests,
                expert_failures=drawn.expert_failures,
            )

    @property
    def tokens_of_experts(self) -> Counter[str]:
        """What each expert wrote for all of the request's samples."""
        return sum((Counter(self.journal[seed].tokens_of_experts) for _, _, seed in self._seeds), Counter())

    @property
    def expert_replies(self) -> Counter[str]:
        """How many answers by experts had which outcome, in all of the request's samples."""
        return sum((Counter(self.journal[seed].expert_replies) for _, _, seed in self._seeds), Counter())
