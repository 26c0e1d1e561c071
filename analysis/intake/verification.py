"""Math-Verify as a second scorer that can neither hang nor kill the stage that asks it.

Math-Verify evaluates what it reads, so ``9^{9^{9^9}}`` keeps it busy for ever, inside one C call that no Python
signal handler interrupts; its own timeouts are such handlers, and are switched off. It works in another process, which
gives a question up where its deadline passes: there is no verdict then. The deadline is one of processor time, so that
verdicts do not depend on how busy the machine is; on systems without the means for that (:mod:`second_scorer`), it is
several times as long, by the clock. Responses that cost until the deadline, each of them, have a budget in common: when
it is used up, the deadline is short.

That process is a fresh interpreter: it imports nothing of the program that asks, which may be a script without a guard,
or a notebook.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

from analysis import InputError
from analysis.intake.second_scorer import can_fork
from tasks.boxes import final_part

TAIL_CHARACTERS = 512
#: Processor time of a question, and what it gets where the budget is used up. Few need a tenth of the latter.
DEADLINE_S, SHORT_DEADLINE_S = 1.0, 0.2
#: What the questions of a verifier may take beyond the short deadline, all together.
BUDGET_S = 30.0
#: Seconds by the clock for one of processor time, where that cannot be told.
PATIENCE = 5

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
        self._server: subprocess.Popen[bytes] | None = None
        # Reads an answer where somebody has to watch the clock meanwhile.
        self._reader = None if can_fork() else ThreadPoolExecutor(1)
        self.overdue = 0

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            # It reads the end of its input, and ends.
            self._server.communicate()
            self._server = None
        if self._reader is not None:
            self._reader.shutdown()

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
        deadline_s = self._deadline_s if self._left_s > 0 else min(self._deadline_s, SHORT_DEADLINE_S)
        answer = self._said(self._server, [text, wanted, deadline_s], PATIENCE * deadline_s)
        verdict, took_s = answer or (None, deadline_s)
        self._left_s -= max(0.0, took_s - SHORT_DEADLINE_S)
        self.overdue += verdict is None
        return verdict

    def _start(self) -> subprocess.Popen[bytes]:
        program = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "from analysis.intake.second_scorer import main\n"
            f"main(forks={self._reader is None})"
        )
        server = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # It says so when it is ready.
        self._said(server, None, None)
        return server

    def _said(self, server: subprocess.Popen[bytes], question: list[Any] | None, patience_s: float | None) -> Any:
        """What it says next, after a question if there is one; None where it gives that up, or has to be given up."""
        assert server.stdin is not None and server.stdout is not None
        try:
            if question is not None:
                server.stdin.write(json.dumps(question).encode() + b"\n")
                server.stdin.flush()
            if self._reader is None:
                line = server.stdout.readline()
            else:
                line = self._reader.submit(server.stdout.readline).result(patience_s)
        except TimeoutError:
            return self._end(server)
        except OSError:
            line = b""
        if not line and question is not None and self._reader is not None:
            # It was ready, and nobody answers in its place: the question has ended it.
            return self._end(server)
        if not line:
            # Not a verdict: taken for one, it would make every answer wrong without a word.
            raise InputError(f"the second scorer ended with status {server.wait()}: it needs some memory (ulimit -v)")
        return json.loads(line)

    def _end(self, server: subprocess.Popen[bytes]) -> None:
        with server:
            server.kill()
        self._server = None


def _relevant(response: str) -> str:
    tail = final_part(response)[-TAIL_CHARACTERS:]
    first_box = re.search(r"\\(?:boxed|fbox)\b", tail)
    return tail[first_box.start() :] if first_box else tail
