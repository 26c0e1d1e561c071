"""Math-Verify as a second scorer that can neither hang nor kill the stage that asks it.

Math-Verify evaluates what it reads, so ``9^{9^{9^9}}`` keeps it busy for ever, inside one C call that no Python
signal handler interrupts; its own timeouts are such handlers, and are switched off. It works in a child process
instead, which arms a timer before each question. Where the deadline passes, the kernel ends the child, there is no
verdict, and a new child takes over. The timer counts the child's processor time, so that verdicts do not depend on how
busy the machine is. Responses that cost until the deadline, each of them, have a budget in common: when it is used up,
the deadline is short.

The children are forked by a server of one thread that has Math-Verify loaded. It is a fresh interpreter: it imports
nothing of the program that asks, which may be a script without a guard, or a notebook.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType

from analysis import InputError
from tasks.boxes import final_part

TAIL_CHARACTERS = 512
#: Processor time of a question, and what it gets where the budget is used up. Few need a tenth of the latter.
DEADLINE_S, SHORT_DEADLINE_S = 1.0, 0.2
#: What the questions of a verifier may take beyond the short deadline, all together.
BUDGET_S = 30.0
MEMORY_BYTES = 4 * 2**30

# No reference answer is written so, and evaluating it could take until the deadline each time.
_EXPLOSIVE = re.compile(r"(?:\^|\*\*)[^ ]*(?:\^|\*\*)|(?:\^|\*\*)\s*\{?\s*[0-9]{4}|[0-9]{5}\}?!|[0-9]{40}|!!")


class Verifier:
    """Asks Math-Verify in a child process; a context manager. Verdicts are cached by (text, answer).

    Args:
        deadline_s: of a question, in seconds of processor time.
        budget_s: what all questions together may take beyond ``SHORT_DEADLINE_S`` each; none gets more from then on.

    Attributes:
        overdue: questions that were given up, for the deadline or because they crashed the child.
    """

    def __init__(self, deadline_s: float = DEADLINE_S, budget_s: float = BUDGET_S) -> None:
        self._deadline_s = deadline_s
        self._left_s = budget_s
        self._verdicts: dict[tuple[str, int], bool | None] = {}
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

    def verify(self, response: str, answer: str) -> bool | None:
        """Whether Math-Verify finds the integer ``answer`` in ``response``; None where it was given up: no verdict.

        Asked is what stands from the first box on in the last 512 characters after ``</think>``, or all of these
        where there is no box. False without asking where that holds no digit, or what no reader would evaluate:
        towers of powers, exponents of four digits, numbers of forty. Raises ValueError if ``answer`` is no integer in
        digits, InputError if the server ends.
        """
        wanted = int(answer)
        text = _relevant(response)
        if not any(character in "0123456789" for character in text) or _EXPLOSIVE.search(text):
            return False
        key = (text, wanted)
        if key not in self._verdicts:
            self._verdicts[key] = self._ask(text, wanted)
        return self._verdicts[key]

    def _ask(self, text: str, wanted: int) -> bool | None:
        if self._server is None:
            self._server = self._start()
        process, connection = self._server
        deadline_s = self._deadline_s if self._left_s > 0 else min(self._deadline_s, SHORT_DEADLINE_S)
        try:
            connection.send((text, wanted, deadline_s))
            verdict, took_s = connection.recv() or (None, deadline_s)
        except (EOFError, ConnectionError) as error:
            # Not a verdict: taken for one, it would make every answer wrong without a word.
            raise InputError(
                f"the second scorer ended with status {process.wait()}: it needs some memory (ulimit -v)"
            ) from error
        self._left_s -= max(0.0, took_s - SHORT_DEADLINE_S)
        self.overdue += verdict is None
        return None if verdict is None else bool(verdict)

    def _start(self) -> tuple[subprocess.Popen[bytes], Connection]:
        ours, theirs = Pipe()
        program = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "from analysis.intake.verification import _supervise\n"
            f"_supervise({theirs.fileno()})"
        )
        process = subprocess.Popen([sys.executable, "-c", program], pass_fds=[theirs.fileno()])
        theirs.close()
        return process, ours


def _relevant(response: str) -> str:
    tail = final_part(response)[-TAIL_CHARACTERS:]
    first_box = re.search(r"\\(?:boxed|fbox)\b", tail)
    return tail[first_box.start() :] if first_box else tail


def _supervise(descriptor: int) -> None:
    """Fork a child that answers on the connection; whenever one dies, say so (None) and fork the next."""
    import resource

    import sympy
    from math_verify import parse, verify

    # Math-Verify warns, for each response, that its own timeout is off, and of all that it cannot parse.
    logging.disable(logging.CRITICAL)
    # Ctrl-C reaches the whole process group; the one who asks then closes the connection.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Here, for all children: one that cannot begin would be taken for one that a question has ended. A user's own
    # limit (ulimit -v) may be lower, and cannot be raised.
    limits = [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit != resource.RLIM_INFINITY]
    memory = min([MEMORY_BYTES, *limits])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # The first call compiles patterns; no question should pay for that out of its deadline. Math-Verify finds nothing
    # where memory is short.
    if not verify([sympy.Integer(1)], parse(r"\boxed{1}", parsing_timeout=None), timeout_seconds=None):
        sys.exit("the second scorer does not work: there may be too little memory for it")
    connection = Connection(descriptor)
    while True:
        child = os.fork()
        if child == 0:
            _serve(connection)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return
        try:
            connection.send(None)
        except ConnectionError:
            return


def _serve(connection: Connection) -> None:
    """Answer (text, integer, deadline in seconds) with a verdict and the seconds of processor time that it took.

    Until the other end closes; the timer's signal ends the process.
    """
    import sympy
    from math_verify import parse, verify

    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    while True:
        try:
            text, wanted, deadline_s = connection.recv()
        except (EOFError, ConnectionError):
            return
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, deadline_s)
        parsed = parse(text, parsing_timeout=None)
        verdict = verify([sympy.Integer(wanted)], parsed, timeout_seconds=None)
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send((bool(verdict), time.process_time() - began))
