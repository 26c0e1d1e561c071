"""Math-Verify as a second scorer that can neither hang nor kill the stage that asks it.

Math-Verify evaluates what it reads, so ``9^{9^{9^9}}`` keeps it busy for ever, inside one C call that no Python
signal handler interrupts; its own timeouts are such handlers, and are switched off. It works in a child process
instead, which arms a timer before each question. Where the deadline passes, the kernel ends the child, the verdict is
"not verified", and a new child takes over. The timer counts the child's processor time, so that verdicts do not depend
on how busy the machine is.

The children are forked by a server of one thread that has Math-Verify loaded. It is a fresh interpreter: it imports
nothing of the program that asks, which may be a script without a guard, or a notebook.
"""

from __future__ import annotations

import logging
import os
import re
import resource
import signal
import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType

from tasks.boxes import final_part

TAIL_CHARACTERS = 512
DEADLINE_S = 1.0
MEMORY_BYTES = 4 * 2**30

# No reference answer is written so, and evaluating it could take until the deadline each time.
_EXPLOSIVE = re.compile(r"(?:\^|\*\*)[^ ]*(?:\^|\*\*)|(?:\^|\*\*)\s*\{?\s*[0-9]{4}|[0-9]{5}\}?!|[0-9]{40}|!!")


class Verifier:
    """Asks Math-Verify in a child process; a context manager. Verdicts are cached by (text, answer).

    Attributes:
        overdue: questions that were given up, for the deadline or because they crashed the child.
    """

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._verdicts: dict[tuple[str, int], bool] = {}
        self._server: tuple[subprocess.Popen[bytes], Connection] | None = None
        self.overdue = 0

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            process, connection = self._server
            # The child reads the end of its input, and the server ends with it.
            connection.close()
            process.wait()
            self._server = None

    def verify(self, response: str, answer: str) -> bool:
        """Whether Math-Verify finds the integer ``answer`` in ``response``.

        Asked is what stands from the first box on in the last 512 characters after ``</think>``, or all of these
        where there is no box. False without asking where that holds no digit, or what no reader would evaluate:
        towers of powers, exponents of four digits, numbers of forty. Raises ValueError if ``answer`` is no integer in
        digits, RuntimeError if the server ends.
        """
        wanted = int(answer)
        text = _relevant(response)
        if not any(character in "0123456789" for character in text) or _EXPLOSIVE.search(text):
            return False
        key = (text, wanted)
        if key not in self._verdicts:
            self._verdicts[key] = self._ask(text, wanted)
        return self._verdicts[key]

    def _ask(self, text: str, wanted: int) -> bool:
        if self._server is None:
            self._server = self._start()
        process, connection = self._server
        try:
            connection.send((text, wanted))
            verdict = connection.recv()
        except (EOFError, ConnectionError) as error:
            # Not a verdict: taken for one, it would make every answer wrong without a word.
            raise RuntimeError(f"the second scorer's server ended with status {process.wait()}") from error
        if verdict is None:
            self.overdue += 1
        return bool(verdict)

    def _start(self) -> tuple[subprocess.Popen[bytes], Connection]:
        ours, theirs = Pipe()
        program = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "from analysis.intake.verification import _supervise\n"
            f"_supervise({theirs.fileno()}, {self._deadline_s})"
        )
        process = subprocess.Popen([sys.executable, "-c", program], pass_fds=[theirs.fileno()])
        theirs.close()
        return process, ours


def _relevant(response: str) -> str:
    tail = final_part(response)[-TAIL_CHARACTERS:]
    first_box = re.search(r"\\(?:boxed|fbox)\b", tail)
    return tail[first_box.start() :] if first_box else tail


def _supervise(descriptor: int, deadline_s: float) -> None:
    """Fork a child that answers on the connection; whenever one dies, say so (None) and fork the next."""
    import sympy
    from math_verify import parse, verify

    # Math-Verify warns, for each response, that its own timeout is off, and of all that it cannot parse.
    logging.disable(logging.CRITICAL)
    # Ctrl-C reaches the whole process group; the one who asks then closes the connection.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The first call compiles patterns; no question should pay for that out of its deadline.
    verify([sympy.Integer(1)], parse(r"\boxed{1}", parsing_timeout=None), timeout_seconds=None)
    connection = Connection(descriptor)
    while True:
        child = os.fork()
        if child == 0:
            _serve(connection, deadline_s)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return
        try:
            connection.send(None)
        except ConnectionError:
            return


def _serve(connection: Connection, deadline_s: float) -> None:
    """Answer (text, integer) with a verdict until the other end closes; the timer's signal ends the process."""
    import sympy
    from math_verify import parse, verify

    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    while True:
        try:
            text, wanted = connection.recv()
        except (EOFError, ConnectionError):
            return
        signal.setitimer(signal.ITIMER_PROF, deadline_s)
        parsed = parse(text, parsing_timeout=None)
        verdict = verify([sympy.Integer(wanted)], parsed, timeout_seconds=None)
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send(bool(verdict))
