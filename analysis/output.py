"""Write result files whole: a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner reads; results are as readable as the umask says.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame without its index."""
    with whole(path) as temporary:
        frame.to_parquet(temporary, index=False)


def write_table(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Write ``<name>.csv`` (all digits, empty where undefined), ``.md`` and ``.tex`` (four decimals, – there)."""
    shown = table.map(_shown)
    latex = shown.rename(columns=_latex_text).map(_latex_text)
    write_text(folder / f"{name}.csv", table.to_csv(index=False))
    write_text(folder / f"{name}.md", shown.to_markdown(index=False, disable_numparse=True) + "\n")
    write_text(folder / f"{name}.tex", latex.to_latex(index=False, escape=False))


def remove_table(folder: Path, name: str) -> None:
    """Remove what :func:`write_table` wrote in an earlier run, if anything."""
    for suffix in ("csv", "md", "tex"):
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)


def _shown(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _latex_text(text: str) -> str:
    """Names of methods, benchmarks and columns hold no other character that LaTeX minds."""
    return text.replace("_", r"\_").replace("%", r"\%").replace("–", "--")
