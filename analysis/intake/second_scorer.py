"""The program of the second scorer: answers questions of its standard input by Math-Verify, a line each.

A question is ``[text, integer, deadline in seconds]`` in JSON, an answer ``[verdict, seconds of processor time]``; when
it is ready it says ``null``.

Where the system lets it (:func:`can_fork`), it is a server of one thread that has Math-Verify loaded and forks a child
that answers. The kernel ends a child at the deadline; the server then says ``null``, and the next child takes over.
Elsewhere it answers itself: who asks has to watch the clock, to end it, and to start it anew.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from typing import BinaryIO

MEMORY_BYTES = 4 * 2**30


def can_fork() -> bool:
    """Whether processes can be forked, timed and kept from using up the memory: Windows cannot, macOS not safely."""
    try:
        import resource  # noqa: F401
    except ImportError:
        return False
    return sys.platform == "linux" and hasattr(os, "fork") and hasattr(signal, "setitimer")


def main(forks: bool) -> None:
    """Answer until the input ends; ``forks`` is what :func:`can_fork` says."""
    # What Math-Verify or its libraries print would be taken for an answer.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    # Ctrl-C reaches the whole process group; the one who asks then closes the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if forks:
        _limit_memory()
    _load()
    _say(answers, None)
    if forks:
        _supervise(answers)
    else:
        _serve(answers, timed=False)


def _limit_memory() -> None:
    """Here, for all children: one that cannot begin would be taken for one that a question has ended."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A user's own limit (ulimit -v) may be lower, and cannot be raised.
    limits = [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit != resource.RLIM_INFINITY]
    memory = min([MEMORY_BYTES, *limits])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _load() -> None:
    import sympy
    from math_verify import parse, verify

    # Math-Verify warns, for each response, that its own timeout is off, and of all that it cannot parse.
    logging.disable(logging.CRITICAL)
    # The first call compiles patterns; no question should pay for that out of its deadline. Math-Verify finds nothing
    # where memory is short.
    if not verify([sympy.Integer(1)], parse(r"\boxed{1}", parsing_timeout=None), timeout_seconds=None):
        sys.exit("the second scorer does not work: there may be too little memory for it")


def _supervise(answers: BinaryIO) -> None:
    """Fork a child that answers; whenever one dies, say so and fork the next."""
    while True:
        child = os.fork()
        if child == 0:
            _serve(answers, timed=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return
        try:
            _say(answers, None)
        except OSError:
            return


def _serve(answers: BinaryIO, timed: bool) -> None:
    """Answer until the input ends; where it is ``timed``, the timer's signal ends the process."""
    import sympy
    from math_verify import parse, verify

    if timed:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for line in sys.stdin.buffer:
        text, wanted, deadline_s = json.loads(line)
        began = time.process_time()
        if timed:
            signal.setitimer(signal.ITIMER_PROF, deadline_s)
        verdict = verify([sympy.Integer(wanted)], parse(text, parsing_timeout=None), timeout_seconds=None)
        if timed:
            signal.setitimer(signal.ITIMER_PROF, 0)
        _say(answers, [bool(verdict), time.process_time() - began])


def _say(answers: BinaryIO, answer: list[bool | float] | None) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
