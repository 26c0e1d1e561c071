"""Run a long job: everything it prints into its log, its progress lines on the terminal too, nothing left when it ends.

``python -m workflow.logged LOG -- COMMAND ...``; the exit status is the command's. A failure ends with the log's path,
its last lines and, where they tell it, the reason.
"""

import collections
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import IO

from workflow.processes import adopt_orphans, end_children, start

PROGRESS = "progress: "
_TAIL_LINES = 15
_REASONS = {
    "No space left on device": "the disk is full",
    "Cannot allocate memory": "the machine is out of memory",
    "OutOfMemoryError": "the machine is out of memory",
    "out of memory": "the machine is out of memory",
}


def run(log: Path, command: list[str]) -> int:
    """Run ``command`` to its end and return its exit status (128 + n where signal n ended it)."""
    adopt_orphans()
    log.parent.mkdir(parents=True, exist_ok=True)
    tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
    process = start(command, subprocess.PIPE)

    def forward(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, forward)
    # In a thread: what the job leaves behind holds the pipe open, and is ended only once the job itself has.
    copying = threading.Thread(target=_copy, args=(process.stdout, log, tail))
    copying.start()
    status = process.wait()
    end_children()
    copying.join()
    if status != 0:
        _explain(log, tail, status)
    return status if status >= 0 else 128 - status


def _copy(source: IO[bytes], log: Path, tail: collections.deque[str]) -> None:
    with log.open("w", encoding="utf-8") as file:
        for raw in source:
            line = raw.decode("utf-8", "replace")
            file.write(line)
            file.flush()
            if PROGRESS in line:
                print(line[line.index(PROGRESS) :].rstrip(), file=sys.stderr, flush=True)
            elif line.strip():
                tail.append(line)


def _explain(log: Path, tail: collections.deque[str], status: int) -> None:
    ending = f"was killed by signal {-status}" if status < 0 else f"failed with exit status {status}"
    print(f"job {ending}; its log is {log} and ends with:", file=sys.stderr)
    for line in tail:
        print(f"    {line.rstrip()[:240]}", file=sys.stderr)
    text = "".join(tail)
    reason = next((meaning for sign, meaning in _REASONS.items() if sign in text), None)
    if reason is None and status == -signal.SIGKILL:
        reason = "if nobody killed it, the machine ran out of memory"
    if reason is not None:
        print(f"reason: {reason}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[2] != "--":
        sys.exit("usage: python -m workflow.logged LOG -- COMMAND ...")
    sys.exit(run(Path(sys.argv[1]), sys.argv[3:]))
