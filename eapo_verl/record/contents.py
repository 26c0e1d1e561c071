"""What files and models hold, as digests: where they lie and when they were written is not in it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def file_digest(path: Path) -> str:
    """sha256 (hex) of a file. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_digest(folder: Path) -> str:
    """sha256 (hex) of a checkpoint: the names and contents of the folder's files, weights included."""
    sha = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        sha.update(f"{path.name} {file_digest(path)}\n".encode())
    return sha.hexdigest()


def contents_digest(paths: Iterable[Path]) -> str:
    """sha256 (hex) of files and models in their order. Raises OSError where one cannot be read."""
    digests = [model_digest(path) if path.is_dir() else file_digest(path) for path in paths]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
