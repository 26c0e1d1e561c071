"""The smoke experiment, run once for all integration tests."""

from pathlib import Path

import pytest

from tests.integration.checkout import copy_checkout, snakemake


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git knows, with the whole smoke experiment run in it."""
    copy = copy_checkout(tmp_path_factory.mktemp("checkout"))
    print(snakemake(copy)[-3000:])
    return copy
