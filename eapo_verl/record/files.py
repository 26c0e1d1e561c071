"""How a file is written: whole, or not at all."""

import os
from pathlib import Path
from uuid import uuid4


def write_whole(path: Path, content: str | bytes, durable: bool = True) -> None:
    """Write ``path`` (text as UTF-8) so that whoever reads it, after a crash too, finds the old content or the new.

    Args:
        path: in a folder that exists.
        content: all of it.
        durable: whether it has to be on the disk when this returns; without, only a crash of the machine can lose it.

    Raises:
        OSError: it cannot be written; ``path`` is as it was, and nothing is left beside it.
    """
    # Two writers of one file do not meet: the last one's is there in the end.
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
