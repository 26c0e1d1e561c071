"""Finished samples, on disk from the moment they are finished, so that an interrupted run can go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Literal

from workflow.sampling.request import SamplingError


@dataclass(frozen=True)
class Completion:
    """A response as the engine ended it, and what it took.

    `n_tokens` are all that the policy wrote for it, in several turns maybe, end-of-sequence tokens included;
    `expert_tokens` and `expert_prompt_tokens` what experts wrote and read, by their servers' count, in
    `expert_requests`; `expert_replies` says how many answers had which outcome (`eapo_verl.experts.reply.OUTCOMES`),
    `tokens_of_experts` how many of the tokens each expert wrote.
    """

    response: str
    n_tokens: int
    finish_reason: Literal["stop", "length"]
    expert_tokens: int = 0
    expert_prompt_tokens: int = 0
    expert_requests: int = 0
    expert_replies: Mapping[str, int] = field(default_factory=dict)
    tokens_of_experts: Mapping[str, int] = field(default_factory=dict)

    @property
    def expert_failures(self) -> int:
        """Answers that did not come."""
        return sum(count for outcome, count in self.expert_replies.items() if outcome != "answered")


class Journal:
    """The finished samples of one benchmark by seed (`sample_seed` names a sample); a context manager.

    The file's first line is a digest of all that determines the samples; every further line is a sample. A file
    with another digest holds other samples, and is begun anew by :meth:`begin`, before which nothing is written.
    Raises SamplingError, in use too, where the file cannot be read or written.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._path = path
        self._header = json.dumps({"identity": digest}).encode()
        self._file: IO[bytes] | None = None
        with self._complaining():
            content = path.read_bytes() if path.exists() else b""
        self._completions, self._length = _read(content, self._header)
        #: How many samples earlier runs have left.
        self.taken_over = len(self._completions)
        #: How many tokens have been added since.
        self.drawn_tokens = 0

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing writes once more what could not be written before, and was complained of then.
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def begin(self) -> None:
        """Makes the file ready for samples to be added."""
        with self._complaining():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab")
            self._file.truncate(self._length)
        if not self._length:
            self._write(self._header)

    def __contains__(self, seed: int) -> bool:
        return seed in self._completions

    def __getitem__(self, seed: int) -> Completion:
        return self._completions[seed]

    def add(self, seed: int, completion: Completion) -> None:
        """Keeps a sample that is finished."""
        self._completions[seed] = completion
        self.drawn_tokens += completion.n_tokens
        self._write(json.dumps({"seed": seed} | asdict(completion)).encode())

    def _write(self, line: bytes) -> None:
        assert self._file is not None, "begin() comes first"
        with self._complaining():
            self._file.write(line + b"\n")
            # The kernel has it then, and a process that is killed takes nothing along.
            self._file.flush()

    @contextmanager
    def _complaining(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SamplingError(f"cannot keep samples in {self._path}: {error.strerror}") from error


def _read(content: bytes, header: bytes) -> tuple[dict[int, Completion], int]:
    """The samples in `content`, and how many of its bytes are good: those up to the first line that is torn."""
    completions: dict[int, Completion] = {}
    # What follows the last line end is torn, or empty.
    first, *lines = content.split(b"\n")[:-1] or [b""]
    if first != header:
        return {}, 0
    length = len(first) + 1
    for line in lines:
        try:
            row = json.loads(line)
            completions[row["seed"]] = Completion(**{key: value for key, value in row.items() if key != "seed"})
        except (ValueError, TypeError, KeyError):
            break
        length += len(line) + 1
    return completions, length
