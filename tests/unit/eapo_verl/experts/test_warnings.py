"""What goes wrong with experts is in the log of the process that asks them."""

import logging
import subprocess
import sys

import pytest


@pytest.mark.engine  # a library of vLLM's server
def test_warnings_are_written_where_vllms_server_was_imported() -> None:
    program = (
        "import logging, model_hosting_container_standards.logging_config\n"
        "from eapo_verl.experts import pool\n"
        "assert logging.root.level > logging.WARNING, 'nothing to guard against'\n"
        "pool._log.warning('an expert is gone')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "an expert is gone" in done.stderr


def test_their_level_is_their_own() -> None:
    from eapo_verl.experts import cache, pool, preflight

    for module in (cache, pool, preflight):
        assert module._log.getEffectiveLevel() == logging.WARNING and module._log.name.startswith("eapo_verl.experts.")
