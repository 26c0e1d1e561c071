"""The smoke experiment, run once for all integration tests."""

from pathlib import Path

import pytest

from tests.integration.checkout import copy_checkout, snakemake
from tests.made_once import made_once


def _run_smoke(folder: Path) -> None:
    print(snakemake(copy_checkout(folder))[-3000:])


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git knows, with the whole smoke experiment run in it."""
    return made_once(tmp_path_factory, "checkout", _run_smoke)
