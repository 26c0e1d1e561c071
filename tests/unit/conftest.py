"""What several unit tests share."""

from pathlib import Path

import pytest

from tests.analysis_experiment import analyse


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment's folder, analysed; not to be changed."""
    folder = tmp_path_factory.mktemp("results")
    analyse(folder)
    return folder
