"""What several of these tests share."""

from collections.abc import Iterator

import pytest

from tests.expert_server import ExpertServer


@pytest.fixture
def server() -> Iterator[ExpertServer]:
    with ExpertServer() as started:
        yield started
