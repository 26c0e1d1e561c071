"""A job as bad as jobs get: ``python stubborn.py FILE`` heeds no signal that can be ignored, nor do those it starts.

It starts a child in a session of its own and a daemon (forked twice), then writes its process id into FILE and sleeps.
``python stubborn.py FILE leave`` ends at once instead, leaving child and daemon behind.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

LONG_S = 600

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.argv[1:]:
        subprocess.Popen([sys.executable, __file__], start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(LONG_S)
            os._exit(0)
        os.wait()
        Path(sys.argv[1]).write_text(str(os.getpid()), encoding="ascii")
    if sys.argv[2:] != ["leave"]:
        time.sleep(LONG_S)
