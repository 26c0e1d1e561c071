"""Runs programs that nobody vouches for, in bubblewrap: the parent hands inputs in, and takes outputs as plain data.

:mod:`tasks.sandbox.box` starts a box and says what is in it, :mod:`~tasks.sandbox.confine` what a process in one may
do; :mod:`~tasks.sandbox.inside` and :mod:`~tasks.sandbox.serving` are what runs there, and :mod:`~tasks.sandbox.values`
what may cross; :mod:`~tasks.sandbox.pair` has a program judged by tests, and :mod:`~tasks.sandbox.judging` keeps boxes.
Where bubblewrap cannot run, all of it refuses: there is no other way to run a program.
"""

from tasks.sandbox.box import SandboxError
from tasks.sandbox.judging import Judge
from tasks.sandbox.pair import OUTCOMES, NoValue, Outcome, Suite, Verdict

__all__ = ["OUTCOMES", "Judge", "NoValue", "Outcome", "SandboxError", "Suite", "Verdict"]
