"""Snakemake hangs where SIGTERM meets it with its scheduler's lock in hand, and outlives the job that it belongs to.

Its handler takes the lock that the code it interrupts may hold, and a thread cannot wait for itself. A job that
``scancel`` or a time limit ends gets SIGTERM just as its Snakemake learns, under that lock, that the command is gone.
"""

import functools
import importlib.metadata
import threading
from typing import Any

from snakemake.scheduling.job_scheduler import JobScheduler

#: Releases that were looked at; another one is left as it is.
CHECKED_SNAKEMAKE = ("9.27.1",)


def handle_sigterm_in_a_thread() -> None:
    """Called before Snakemake makes its scheduler, in every process: its handler of SIGTERM then waits in a thread.

    Called without a signal's arguments :meth:`JobScheduler.exit_gracefully` is what it was.
    """
    original = JobScheduler.exit_gracefully
    if importlib.metadata.version("snakemake") not in CHECKED_SNAKEMAKE or hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def exit_gracefully(self: JobScheduler, *signal_and_frame: Any) -> None:
        if signal_and_frame:
            threading.Thread(target=original, args=(self,), daemon=True).start()
        else:
            original(self)

    JobScheduler.exit_gracefully = exit_gracefully
