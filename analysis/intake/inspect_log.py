"""Logs of inspect: ``.json``, or ``.eval``, an archive with a file for each sample."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analysis import InputError
from analysis.intake.files import LONGEST, regular
from analysis.intake.json_lines import as_object, parsed

_SAMPLE = re.compile(r"samples/.+\.json")
_HEADER = "header.json"


def is_log(value: dict[str, Any]) -> bool:
    """Whether a JSON object is a log."""
    return isinstance(value.get("eval"), dict) and "status" in value


def logged(path: Path, log: dict[str, Any]) -> dict[str | None, Iterator[tuple[str, dict[str, Any]]]]:
    """The samples of a log that is JSON, with their places, under the task's name. Raises InputError as `_task`."""
    samples = log.get("samples")
    if not isinstance(samples, list):
        raise InputError(f"{path}: is a log without its samples")
    rows = ((f"{path}: sample {number}", value) for number, value in enumerate(samples, start=1))
    return {_task(path, log): ((where, as_object(where, value)) for where, value in rows)}


def archived(path: Path) -> dict[str | None, Iterator[tuple[str, dict[str, Any]]]]:
    """As :func:`logged`, of an archive; the samples are read as they are asked for. Raises InputError."""
    with _archive(path) as archive:
        # It is written last.
        if _HEADER not in archive.namelist():
            raise InputError(f"{path}: has no {_HEADER}: it is no log of inspect, or its run has not ended")
        header = as_object(f"{path}: {_HEADER}", _member(path, archive, _HEADER))
    return {_task(path, header): _samples(path)}


def _samples(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with _archive(path) as archive:
        for name in filter(_SAMPLE.fullmatch, archive.namelist()):
            yield f"{path}: {name}", as_object(f"{path}: {name}", _member(path, archive, name))


def _task(path: Path, log: dict[str, Any]) -> str:
    """The task, without what it belongs to. Raises InputError: the run has not ended well, or names none."""
    if log.get("status") != "success":
        raise InputError(f"{path}: is of a run with status {str(log.get('status'))[:40]!r}: needed is 'success'")
    spec = log.get("eval")
    name = spec.get("task") if isinstance(spec, dict) else None
    if not isinstance(name, str) or not name:
        raise InputError(f"{path}: is a log that names no task")
    return name.rpartition("/")[2]


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(regular(path)) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # the last one where it is encrypted
        raise InputError(f"{path}: is not an archive that can be read: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> Any:
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{path}: {name} is compressed otherwise than deflated: inspect log convert helps")
    with archive.open(name) as file:
        content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise InputError(f"{path}: {name} is too long: at most {LONGEST} bytes")
    try:
        return parsed(f"{path}: {name}", content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: {name} is not UTF-8 (byte {error.start})") from error
