"""Problems as files hold them, and as the rest of the workflow reads them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import tasks
from analysis import InputError
from analysis.intake.files import cells_of, regular
from workflow.sources.command import SourceError

FORMATS = (".jsonl", ".json", ".csv", ".parquet")
#: Bytes; all of it is read at once.
_LARGEST_FILE = 2**30
#: Characters; a longer one is an open quotation mark, and not a problem.
_LONGEST_CELL = 2**17
#: Rows of a parquet file that are in memory at a time.
_BATCH = 4096
# What a column may be called, whatever its case; the first name wins. `solution` is none of the answer's: in public
# files it is a worked one.
NAMES = {
    "id": ("id", "problem_id", "question_id"),
    "problem": ("problem", "question"),
    "answer": ("answer", "final_answer", "expected_answer"),
}


@dataclass(frozen=True)
class Problem:
    """One problem of `task`, which the `answer` is in the normal form of; `source` says where it is from.

    `blind` is the answer in the words of somebody who has not read the problem, where these are others.
    """

    id: str
    problem: str
    answer: str
    source: str
    task: str = tasks.DEFAULT
    blind: str | None = None


def as_row(problem: Problem, instruction: str | None = None) -> dict[str, str]:
    """The line of a problem file, without what there is not; `instruction` stands in place of the task's own."""
    return {key: one for key, one in {**asdict(problem), "instruction": instruction}.items() if one is not None}


@dataclass(frozen=True)
class Row:
    """A row as found. `where` names file and place for messages; `fields` has lower-case names without outer spaces."""

    where: str
    fields: dict[str, Any]

    def text(self, key: str) -> str:
        """The field as non-empty text; for a key of `NAMES`, the field that has one of its names.

        Raises SourceError for no field, for two that it could be, for anything but a string or a whole number.
        """
        name = self._name(key)
        value = self.fields[name]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            raise SourceError(f"{self.where}: {name!r} is {shortened(repr(value))}; it must be text or a whole number")
        try:
            str(value).encode()
        except UnicodeEncodeError as error:
            raise SourceError(f"{self.where}: {name!r} holds half a character (position {error.start})") from error
        return str(value).strip()

    def has(self, key: str) -> bool:
        """Whether there is a field for a key of `NAMES`."""
        return any(name in self.fields for name in NAMES[key])

    def of(self, task: str) -> Row:
        """The row in the names that problems have here, where files of that task have others. Raises SourceError."""
        try:
            named = tasks.task(task).row(self.fields)
        except ValueError as error:
            raise SourceError(f"{self.where}: {error}") from error
        # What a task found nothing for is no column: an id, say.
        return replace(self, fields={key: one for key, one in named.items() if key in self.fields or one is not None})

    def check(self, task: str, answer: str) -> None:
        """Raises SourceError where the row has a response that is right, and that is not graded so."""
        response = self.fields.get("right_response")
        if response is None:
            return
        try:
            grade = tasks.task(task).grade(response, answer)
        except tasks.CannotGrade as error:
            raise SourceError(str(error)) from error
        if not grade.correct:
            said = f"{grade.outcome}: {shortened(grade.said)}"
            raise SourceError(f"{self.where}: its own solution does not pass its tests ({said})")

    def _name(self, key: str) -> str:
        allowed = NAMES.get(key, (key,))
        found = [name for name in allowed if name in self.fields]
        if not found:
            columns = shortened(", ".join(self.fields)) or "none"
            raise SourceError(f"{self.where}: no column for {key!r}; found: {columns}; allowed: {', '.join(allowed)}")
        if key not in found and len(found) > 1:
            raise SourceError(f"{self.where}: {key!r} could be {' or '.join(found)}; one of them must be called {key}")
        return found[0]


def same_text(text: str) -> str:
    """What two problems that are the same have in common: the text without its capitals and its ways of spacing."""
    return " ".join(text.split()).casefold()


def shortened(text: str) -> str:
    """``text``, of at most 200 characters, as a message can hold it."""
    return text if len(text) <= 200 else f"{text[:199]}…"


def parse(rows: Sequence[Row], default_source: str, task: str = tasks.DEFAULT, prove: bool = False) -> list[Problem]:
    """The problems of `rows`, all of one `task`, in order. A row's own `source` is kept where it has one.

    Where no row has an id, ids are the rows' numbers, from 1. `prove`: where a row has a solution of its own, it has to
    be graded as right, which may take a while. Raises SourceError, naming the row: a missing field, an answer that the
    task does not allow or that its own solution does not meet, an id used twice.
    """
    normalise = tasks.task(task).normalise
    problems: dict[str, Problem] = {}
    rows = [row.of(task) for row in rows]
    numbered = not any(row.has("id") for row in rows)
    for number, row in enumerate(rows, 1):
        name, text = str(number) if numbered else row.text("id"), row.text("answer")
        try:
            answer = normalise(text)
        except ValueError as error:
            raise SourceError(f"{row.where}: {error}") from error
        if prove:
            row.check(task, answer)
        if name in problems:
            raise SourceError(f"{row.where}: id {name!r} was used before; ids must be unique")
        source = row.text("source") if row.fields.get("source") else default_source
        problems[name] = Problem(name, row.text("problem"), answer, source, task)
    return list(problems.values())


def read_rows(path: Path) -> list[Row]:
    """The rows of a .jsonl, .json (a list of objects, or an object a line), .csv (with a header) or .parquet file.

    Raises SourceError, naming the file and, where there is one, the row: unknown format, unreadable, no rows.
    """
    return list(iterate_rows(path))


def iterate_rows(path: Path) -> Iterator[Row]:
    """The same, one after the other: of a parquet file, not all rows have to be in memory."""
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise SourceError(f"{path}: format {kind or 'without suffix'!r}; allowed: {', '.join(FORMATS)}")
    some = False
    try:
        if regular(path).stat().st_size > _LARGEST_FILE:
            raise SourceError(f"{path}: larger than {_LARGEST_FILE} bytes")
        for row in _parquet_rows(path) if kind == ".parquet" else _text_rows(path, kind, path.read_bytes()):
            some = True
            yield row
    except InputError as error:
        raise SourceError(str(error)) from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    if not some:
        raise SourceError(f"{path}: holds no row; at least one problem is needed")


def _text_rows(path: Path, kind: str, content: bytes) -> list[Row]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].split(b"\n")
        raise SourceError(f"{path}:{len(before)}: not UTF-8 text (byte {len(before[-1])} of the line)") from error
    if kind == ".csv":
        reader = csv.DictReader(io.StringIO(text, newline=""))
        try:
            with cells_of(_LONGEST_CELL):
                names = list(reader.fieldnames or ())
                if len(set(names)) < len(names):
                    raise SourceError(f"{path}: two columns have the same name; found: {shortened(', '.join(names))}")
                return [_csv_row(f"{path}:{reader.line_num}", fields) for fields in reader]
        except csv.Error as error:
            raise SourceError(f"{path}:{reader.line_num}: not CSV ({error})") from error
    if kind == ".json" and not _is_lines(text):
        listed = _json(text, path)
        if not isinstance(listed, list):
            raise SourceError(f"{path}: a {type(listed).__name__}; it must be a list of objects")
        return [_row(f"{path}: row {number}", fields) for number, fields in enumerate(listed, 1)]
    # Not splitlines(): JSON strings may hold line separators such as U+2028 that are no line ends of JSONL.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return [_row(f"{path}:{number}", _json(line, path, number)) for number, line in lines]


def _is_lines(text: str) -> bool:
    """Whether a .json file is JSON lines, as some publish them: an object on the first line, and more below."""
    first, _, more = text.lstrip().partition("\n")
    try:
        return isinstance(json.loads(first), dict) and bool(more.strip())
    except (ValueError, RecursionError):
        return False


def _csv_row(where: str, fields: dict[str | None, Any]) -> Row:
    # DictReader puts surplus cells under None, and None into missing ones. Either way cells may stand in wrong columns.
    if None in fields or None in fields.values():
        raise SourceError(f"{where}: not as many cells as columns; a text with a comma needs quotes")
    return _row(where, fields)


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from analysis.intake.parquet import UNUSABLE

    number = 0
    with path.open("rb") as file:
        try:
            parquet = pq.ParquetFile(file)
            names = parquet.schema_arrow.names
            if len(set(names)) < len(names):
                raise SourceError(f"{path}: two columns have the same name; found: {shortened(', '.join(names))}")
            for batch in parquet.iter_batches(_BATCH):
                for fields in batch.to_pylist():
                    number += 1
                    yield _row(f"{path}: row {number}", fields)
        except SourceError:
            raise
        except (pa.ArrowException, OSError, *UNUSABLE) as error:
            raise SourceError(
                f"{path}: not a parquet file that can be read ({shortened(' '.join(str(error).split()))})"
            ) from error


class _Twice(Exception):
    """A key that stands twice in one object, of which JSON's reader keeps the last, without a word."""


def _json(text: str, path: Path, line: int | None = None) -> Any:
    """What a file holds, or that ``line`` of it."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except _Twice as error:
        said = f"{shortened(repr(error.args[0]))} stands twice in an object; each key may be there once"
        raise SourceError(f"{path}:{line or _line_of_twice(text)}: {said}") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}{f':{line}' if line else ''}: not JSON ({error})") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Twice(key)
        found[key] = value
    return found


def _line_of_twice(text: str) -> int:
    """The line in which the row begins that has a key twice, since one has: JSON's reader does not tell."""
    decoder, between, place = json.JSONDecoder(object_pairs_hook=_unique), re.compile(r"[\s,\[\]]*"), 0
    while found := between.match(text, place):
        place = found.end()
        try:
            _, place = decoder.raw_decode(text, place)
        except _Twice:
            break
    return text.count("\n", 0, place) + 1


def _row(where: str, fields: Any) -> Row:
    if not isinstance(fields, dict):
        raise SourceError(f"{where}: a {type(fields).__name__}; each row must be an object")
    named = {str(key).strip().lower(): value for key, value in fields.items()}
    if len(named) < len(fields):
        raise SourceError(f"{where}: two columns have the same name but for case; found: {', '.join(map(str, fields))}")
    return Row(where, _of_verl(named) | named)


def _of_verl(fields: dict[str, Any]) -> dict[str, Any]:
    """What a row of verl's training data says in its own names: the last message, the ground truth, the index."""
    prompt, reward, extra = (fields.get(name) for name in ("prompt", "reward_model", "extra_info"))
    if not (isinstance(prompt, list) and prompt and isinstance(prompt[-1], dict) and isinstance(reward, dict)):
        return {}
    found = {"problem": prompt[-1].get("content"), "answer": reward.get("ground_truth")}
    index = extra.get("index") if isinstance(extra, dict) else None
    return found if index is None else {"id": index, **found}
