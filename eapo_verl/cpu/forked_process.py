"""Turn a fork of a process with imports into what ``python`` would have started (:mod:`eapo_verl.cpu.fork_server`)."""

import atexit
import contextlib
import multiprocessing
import os
import runpy
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from eapo_verl.cpu.parent_death import die_with_parent


def prepare(wanted: dict[str, Any], fds: list[int], parent: int, program: Path) -> None:
    """Turn a fork of the server into what its client would have been."""
    die_with_parent(signal.SIGKILL, parent)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _place(fds, wanted["fds"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    multiprocessing.set_executable(str(program))
    if "torch" in sys.modules:
        # The library has read OMP_NUM_THREADS when the server imported it.
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    if "numpy" in sys.modules:
        import numpy

        # Python's own generator sees to itself; torch's has the same state in every fresh process.
        numpy.random.seed()
    if "ray" in sys.modules:
        import ray._raylet

        # Ray's library has read the RAY_... variables when the server imported it.
        ray._raylet.Config.initialize("")


def _place(received: list[int], numbers: list[int]) -> None:
    """Give the received descriptors the numbers that they have in the client; close what else is open."""
    base = max([*received, *numbers, 2]) + 1
    moved: list[int] = []
    for fd in received:
        moved.append(base + len(moved))
        os.dup2(fd, moved[-1])
    os.closerange(0, base)
    for fd, number in zip(moved, numbers, strict=True):
        os.dup2(fd, number, inheritable=True)
    os.closerange(base, base + len(moved))
    for number in {0, 1, 2} - set(numbers):
        os.dup2(os.open(os.devnull, os.O_RDWR), number)


def become(prepare: Callable[[], None], arguments: list[str]) -> NoReturn:
    """Run what the arguments ask for, as ``python`` would, and end this process."""
    code: Any = 1
    try:
        prepare()
        _run(list(arguments))
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    # What an interpreter does at its end; it cannot end here, on the stack of the process that was forked.
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code or 0)


def _run(arguments: list[str]) -> None:
    """``python ARGUMENTS...``: a file, ``-m module`` or ``-c code``; the interpreter's own options are the server's."""
    while arguments:
        first = arguments.pop(0)
        if first == "-c":
            code, sys.argv = arguments[0], ["-c", *arguments[1:]]
            module = types.ModuleType("__main__")
            sys.modules["__main__"] = module
            exec(compile(code, "<string>", "exec"), vars(module))
            return
        if first == "-m":
            sys.argv = arguments
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
            return
        if first in ("-W", "-X"):
            arguments.pop(0)
        elif not first.startswith("-"):
            sys.argv = [first, *arguments]
            sys.path.insert(0, str(Path(first).absolute().parent))
            runpy.run_path(first, run_name="__main__")
            return
    raise SystemExit("fork server: a file, -m or -c is needed, as for python")
