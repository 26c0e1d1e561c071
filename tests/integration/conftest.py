"""The smoke experiment, run once for all integration tests, and a program that starts engines in less time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import warm_python
from tests.integration.checkout import copy_checkout, snakemake
from tests.made_once import made_once
from workflow.shared_interpreter import ENGINES


def _run_smoke(folder: Path) -> None:
    print(snakemake(copy_checkout(folder))[-3000:])


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git knows, with the whole smoke experiment run in it."""
    return made_once(tmp_path_factory, "checkout", _run_smoke)


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """In place of ``python`` in a command that loads engines, is not killed, and is not about how it starts."""
    with warm_python.host(tmp_path_factory.mktemp("python"), *ENGINES) as host:
        yield warm_python.program(host)
