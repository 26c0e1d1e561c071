"""In which order tests run where there are several workers (``make test``), each of which takes a file."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# An example that a busy machine interrupts is no slow one.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
# Torch's threads wait for each other busily: there are more workers than cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Most workflows that tests run have jobs without engines: nothing is to be imported for them.
os.environ.setdefault("EAPO_FORK_JOBS", "no")

_TESTS = Path(__file__).parent
#: Files that take long, in the order in which they begin; all others fill up what is left of the workers' time.
_FIRST = (
    # Makes the smoke experiment.
    "integration/test_smoke.py",
    # These do without it.
    "integration/test_smoke_domains.py",
    "integration/test_sampling_engine.py",
    "unit/workflow/sources/test_smollm2.py",
    "workflow/test_benchmarks.py",
    "workflow/test_shards.py",
    "fuzz/test_experiments.py",
    "workflow/test_dag.py",
    "integration/test_lifetimes.py",
    "unit/analysis/cli/test_commands.py",
    "unit/workflow/test_expert_service.py",
    "unit/analysis/cli/test_merge.py",
    # These would wait for it.
    "integration/test_trouble.py",
    "integration/test_expert_server.py",
    "integration/test_asking.py",
    "integration/test_training_tree.py",
    # And these would be the last of all.
    "workflow/test_kinds.py",
    "workflow/test_added_arm.py",
    "unit/eapo_verl/cpu/test_platform.py",
    "unit/tasks/test_attacks.py",
)
_RANKS = {_TESTS / name: rank for rank, name in enumerate(_FIRST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first, or the last of them would run alone."""
    items.sort(key=lambda item: _RANKS.get(item.path, len(_RANKS)))


@pytest.fixture(scope="module")
def deliverable_signals() -> Iterator[None]:
    """Ctrl-C and a hangup as a terminal's, which who starts tests in the background may have set to be ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
