"""Open files that anybody may have written: regular ones alone, as text in UTF-8, and never more than memory holds.

A FIFO or a device would keep a reader waiting for ever, or never end.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from analysis import InputError

#: Characters of a line, and of a file that is one JSON value; bytes of a part of an archive.
LONGEST = 2**28
#: Characters that are read of a file in all.
LARGEST = 2**32


def regular(path: Path) -> Path:
    """The ``path`` itself. Raises InputError where it leads to something else than a regular file."""
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is no regular file: needed is one, not a folder, a pipe or a device")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return path


@contextmanager
def cells_of(characters: int) -> Iterator[None]:
    """Within it, the module csv takes cells of so many characters; that limit is one of the whole process."""
    before = csv.field_size_limit(characters)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """A text file, gunzipped where its name ends in ``.gz``; a byte order mark is passed over.

    Raises:
        InputError: within the block, too, where the file is no regular one, unreadable, broken or not UTF-8.
    """
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(regular(path), "rt", encoding="utf-8-sig", newline="\n") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: is not a whole gzip file: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 (byte {error.start} of a block)") from error


def lines(path: Path, file: TextIO) -> Iterator[tuple[str, str]]:
    """Each line of an opened file with its place, ``path:line``.

    Raises:
        InputError: a line is longer than ``LONGEST``, or all together than ``LARGEST``.
    """
    number = total = 0
    while line := file.readline(LONGEST + 1):
        number, total = number + 1, total + len(line)
        if len(line) > LONGEST or total > LARGEST:
            raise InputError(f"{path}:{number}: is too long: at most {LONGEST} characters a line, {LARGEST} in all")
        yield f"{path}:{number}", line


def whole_text(path: Path, file: TextIO) -> str:
    """What an opened file holds. Raises InputError: more than ``LONGEST`` characters."""
    text = file.read(LONGEST + 1)
    if len(text) > LONGEST:
        raise InputError(
            f"{path}: is too long for one JSON value: at most {LONGEST} characters (JSON lines may be more)"
        )
    return text
