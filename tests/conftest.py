"""Which tests run beside each other where there are two workers (``make test``)."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

_ENGINES = "tests/integration/"


class _EnginesInOneWorker(LoadScopeScheduling):
    """Tests on engines, each of which wants the machine, one after the other; the rest beside them, file by file."""

    def _split_scope(self, nodeid: str) -> str:
        return _ENGINES if nodeid.startswith(_ENGINES) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """What pytest-xdist asks for; its own groups do not reach the scheduler with this version of pytest."""
    return _EnginesInOneWorker(config, log)
