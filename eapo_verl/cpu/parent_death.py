"""Ask the kernel to end this process when its parent ends, however that ends (Linux)."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Have ``number`` sent to this process when its parent dies; at once, if that is not ``parent`` any more.

    The kernel takes the thread that forked this process for its parent: fork from one that lasts.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:
        os.kill(os.getpid(), number)
