"""What is costly to make and only read, made once for all workers of pytest-xdist."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder ``name`` of this session, filled by ``make`` in the worker that asks first; the others wait for it.

    Where that fails, the others fail too, and at once.
    """
    base = factory.getbasetemp()
    # A worker's own folder lies in the session's.
    session = base.parent if base.name.startswith("popen-") else base
    folder, outcome = session / name, session / f"{name}.outcome"
    with outcome.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = file.read()
        if not known:
            folder.mkdir()
            try:
                make(folder)
            except BaseException as error:
                file.write(f"{name} could not be made: {error!r}"[:2000])
                raise
            file.write("made")
    if known not in ("", "made"):
        pytest.fail(f"in another worker, or another test: {known}")
    return folder
