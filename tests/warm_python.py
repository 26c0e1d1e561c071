"""A program that stands for ``python`` and need not import what a process of its own has imported already."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import ROOT

#: A folder for the program, and modules. Forked off a process of its own: pytest's has threads.
HOST = """
import importlib, sys
from pathlib import Path
from eapo_verl.cpu.fork_server import serving

for module in sys.argv[2:]:
    importlib.import_module(module)
with serving(Path(sys.argv[1])) as program:
    print(program, flush=True)
    sys.stdin.read()
"""


@contextmanager
def host(folder: Path, *modules: str, **options: int) -> Iterator[subprocess.Popen]:
    """A process that has imported ``modules``, and says so (:func:`program`)."""
    command = [sys.executable, "-c", HOST, str(folder), *modules]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    ) as process:
        yield process
        process.kill()


def program(process: subprocess.Popen) -> str:
    """The path of a host's program, once it can be started."""
    assert process.stdout is not None
    # vLLM prints something as it is imported.
    return next(line for line in process.stdout if line.startswith("/")).strip()
