"""Run a job: everything it prints into its log, its progress lines on the terminal too, nothing left when it ends.

``python -m workflow.logged [--until PROCESS] [--fork HOW] LOG -- COMMAND ...``; the exit status is the command's. A
failure ends with the log's path, its last lines and, where they tell it, the reason. With ``--fork`` a ``python`` that
the command begins with is the workflow's, which has imported the engines already
(:mod:`workflow.shared_interpreter`): ``start`` has it started where it is not yet, ``join`` does without it then.

The job ends with its workflow and with the process that started it (``--until``: with another one, written as
:class:`workflow.processes.Identity` is, instead). Two processes hold it, this one and its child, and each ends it when
the other is gone, so that killing any one process leaves nothing behind. The log is locked while any of them lives: a
second job cannot write into the same files.
"""

import argparse
import collections
import os
import signal
import sys
import threading
from collections.abc import Collection
from pathlib import Path

from eapo_verl.cpu.fork_client import LOST
from workflow.belonging import Workflow
from workflow.command import split_command
from workflow.locks import InUse, take
from workflow.processes import (
    COMMAND_GRACE_S,
    ORPHAN_GRACE_S,
    STOPPING,
    Identity,
    StopRequest,
    adopt_orphans,
    hold,
    start,
    this_process,
)

PROGRESS = "progress: "
#: Exit status where the log is in use: the same command may succeed later.
IN_USE = 75
_NOT_STARTED = 127
_TAIL_LINES = 15
_REASONS = {
    "No space left on device": "the disk is full",
    "Disk quota exceeded": "the disk is full, or the user's part of it",
    "Cannot allocate memory": "the machine is out of memory",
    "OutOfMemoryError": "the machine is out of memory",
    "out of memory": "the machine is out of memory",
}


def run(log: Path, command: list[str], until: Identity | None = None) -> int:
    """Run ``command`` to its end and return its exit status (128 + n where signal n ended it).

    Args:
        log: its file, made anew.
        command: what to run.
        until: the process that it ends with; the parent of this one by default.

    Raises:
        InUse: another job writes the log.
    """
    follows = [one for one in (until or Identity.of(os.getppid()), Workflow.of_this_job()) if one is not None]
    lock = take(log)
    os.ftruncate(lock, 0)
    adopt_orphans()
    stop = StopRequest(follows)
    source, sink = os.pipe()
    us = this_process()
    # One that came before the keeper notes them itself would be noted in a copy that nobody reads.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        keeper = os.fork()
        if keeper == 0:
            os.close(source)
            _keep(command, sink, lock, us, before)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(sink)

    tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
    # In a thread: what the job leaves behind holds the pipe open, and is ended only once the job itself has.
    copying = threading.Thread(target=_copy, args=(source, lock, tail), daemon=True)
    copying.start()
    # The keeper has to be done with the command and with its orphans by then.
    status, reason = hold(keeper, stop, COMMAND_GRACE_S + ORPHAN_GRACE_S + 1.5, ORPHAN_GRACE_S)
    copying.join(timeout=2)
    status = status if status >= 0 else 128 - status
    if reason is not None:
        print(f"job ended on {reason}; its log is {log}", file=sys.stderr)
        return status or 128 + signal.SIGTERM
    if status != 0:
        _explain(log, tail, status)
    return status


def _keep(command: list[str], sink: int, lock: int, holder: Identity, mask: Collection[int]) -> None:
    """The second process: runs the command, and ends with ``holder``. Does not return.

    ``mask`` are the signals to be blocked, once it notes those that ask it to end.
    """
    status = _NOT_STARTED
    try:
        os.setsid()
        stop = StopRequest([holder])
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        adopt_orphans()
        process = start(command, sink, pass_fds=[lock])
        status, _ = hold(process.pid, stop, COMMAND_GRACE_S, ORPHAN_GRACE_S)
    except OSError as error:
        os.write(sink, f"{error}\n".encode())
    finally:
        os._exit(status if status >= 0 else 128 - status)


def _copy(source: int, log: int, tail: collections.deque[str]) -> None:
    """Copy to the end, whatever becomes of the log: a pipe that nobody reads would end the job."""
    lacking: OSError | None = None
    with open(source, "rb") as lines:
        for raw in lines:
            line = raw.decode("utf-8", "replace")
            try:
                os.write(log, line.encode())
            except OSError as error:
                lacking = error
            if PROGRESS in line:
                print(line[line.index(PROGRESS) :].rstrip(), file=sys.stderr, flush=True)
            elif line.strip():
                tail.append(line)
    if lacking is not None:
        tail.append(f"(the log lacks lines: {lacking.strerror})")


def _explain(log: Path, tail: collections.deque[str], status: int) -> None:
    ending = f"was killed by signal {status - 128}" if status > 128 else f"failed with exit status {status}"
    print(f"job {ending}; its log is {log} and ends with:", file=sys.stderr)
    for line in tail:
        print(f"    {line.rstrip()[:240]}", file=sys.stderr)
    text = "".join(tail)
    reason = next((meaning for sign, meaning in _REASONS.items() if sign in text), None)
    if reason is None and status == LOST:
        reason = "the interpreter that it was forked off is gone; its log is python.log beside this one"
    if reason is None and status == 128 + signal.SIGKILL:
        reason = "if nobody killed it, the machine ran out of memory"
    if reason is not None:
        print(f"reason: {reason}", file=sys.stderr)


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m workflow.logged", usage="%(prog)s [--until PROCESS] [--fork HOW] LOG -- COMMAND"
    )
    parser.add_argument("--until", type=Identity.parse, metavar="PROCESS")
    parser.add_argument("--fork", choices=("start", "join"))
    parser.add_argument("log", type=Path)
    ours, command = split_command(sys.argv[1:])
    arguments = parser.parse_args(ours)
    if not command:
        parser.error("there is no command")
    try:
        if arguments.fork is not None and command[0] == "python":
            # Here: only those who fork need what is imported for it.
            from workflow.shared_interpreter import NotStarted, in_place_of_python

            try:
                command[0] = in_place_of_python(start=arguments.fork == "start")
            except NotStarted as error:
                print(f"job not started: {error}", file=sys.stderr)
                return _NOT_STARTED
        return run(arguments.log, command, arguments.until)
    except InUse as error:
        print(f"job not started: {error}", file=sys.stderr)
        return IN_USE
    except OSError as error:
        print(f"job not started: its log {arguments.log} cannot be written: {error.strerror}", file=sys.stderr)
        return _NOT_STARTED


if __name__ == "__main__":
    sys.exit(main())
