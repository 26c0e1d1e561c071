"""What several unit tests share."""

from pathlib import Path

import pytest

from tests.analysis_experiment import analyse
from tests.made_once import made_once


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment's folder, analysed; not to be changed."""
    return made_once(tmp_path_factory, "results", analyse)
