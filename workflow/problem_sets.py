"""The problems of an experiment: what it trains and validates on, and its test sets."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from eapo_verl.settings.base import Settings


class ProblemSet(Settings):
    """Problems to train or validate on, or an embedded benchmark: generated from a seed, or read from ``path``."""

    source: Literal["embedded", "word_problems", "local"]
    size: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=0)
    path: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> "ProblemSet":
        if self.source == "local" and self.path is None:
            raise ValueError("source local needs a path")
        if self.source != "local" and (self.size is None or self.seed is None):
            raise ValueError(f"source {self.source} needs size and seed")
        return self


class Benchmark(Settings):
    """A test set: ``public`` is downloaded at a pinned revision unless ``path`` names a local copy."""

    source: Literal["embedded", "public"]
    size: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=0)
    path: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Benchmark":
        if self.source == "embedded" and (self.size is None or self.seed is None):
            raise ValueError("source embedded needs size and seed")
        return self


def benchmark_path(name: str, benchmark: Benchmark, folder: Path | None) -> Path | None:
    """The local file of a public benchmark, or None where it is to be downloaded (or generated).

    Args:
        name: the benchmark's.
        benchmark: what the experiment says of it.
        folder: the experiment's ``benchmark_dir``.
    """
    if benchmark.path is not None or benchmark.source != "public" or folder is None:
        return benchmark.path
    return folder / f"{name}.jsonl"
