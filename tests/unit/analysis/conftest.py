"""What several tests of the analysis share."""

from collections.abc import Iterator

import pytest

from analysis.intake.arms import Described, read_arms
from analysis.tables.names import described
from tests.analysis_experiment import write_arms


@pytest.fixture(scope="session")
def arms_described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Described]:
    return read_arms(write_arms(tmp_path_factory.mktemp("arms")))


@pytest.fixture(autouse=True)
def named(arms_described: dict[str, Described]) -> Iterator[None]:
    """Methods are called as the generated experiment calls them."""
    with described(arms_described):
        yield
