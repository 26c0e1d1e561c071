"""What a process in a box may do: limits, and a filter of system calls. Irrevocable, and called where it is to hold.

bubblewrap takes away the network, files, other processes and privileges. What is left are memory, time, and the
kernel's own surface. Resource limits hold for one process each, so the filter allows no second one, and no thread: what
one process may take is what the program may take. It denies memory that no limit counts (shared segments, anonymous
files, pages that a pipe pins), looking into other processes and changing what these may take, what a file is beside its
content (root's boxes have the host's device files, and the next program the same folder), sockets of any family, what
all of the host shares, and calls that only root and attackers make.

Runs inside; imports nothing but Python's own library.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import NamedTuple


class Limits(NamedTuple):
    """What one process may take: seconds of a processor, memory and the size of a file in bytes, open files.

    And files and folders that it may leave in its folder: the kernel keeps of each what no other limit counts, and not
    the folder's size either. Process 1 counts them.
    """

    cpu_s: int
    memory: int
    file_size: int = 8 * 2**20
    files: int = 64
    entries: int = 10_000


# Numbers of each call on x86-64 and on 64-bit ARM, which has no form of some.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    # Another process, thread or program.
    "clone": (56, 220), "fork": (57, None), "vfork": (58, None), "clone3": (435, 435),
    "execve": (59, 221), "execveat": (322, 281),
    # Memory that is no process's own.
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "msgget": (68, 186), "semget": (64, 190),
    "mq_open": (240, 180), "memfd_create": (319, 279), "memfd_secret": (447, 447), "vmsplice": (278, 75),
    # Other processes.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "process_madvise": (440, 440),
    # What process 1 has of the host's time and memory, the next program has, too.
    "setpriority": (141, 140), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122), "sched_setattr": (314, 274), "ioprio_set": (251, 30),
    "migrate_pages": (256, 238), "move_pages": (279, 239),
    # Owners and attributes of files.
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    # The network: namespaces do not part all families. A pair of sockets without an address is left.
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    # What the whole host shares, by files that all of it has, or in numbers of which there are few.
    "flock": (73, 32), "inotify_init": (253, None), "inotify_init1": (294, 26), "fanotify_init": (300, 262),
    "io_setup": (206, 0), "sync": (162, 81), "syncfs": (306, 267), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    # Namespaces, mounts, files by handle.
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # The kernel's wider surface.
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "syslog": (103, 116), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "personality": (135, 92),
    "landlock_create_ruleset": (444, 444), "modify_ldt": (154, None), "kexec_load": (246, 104),
    "init_module": (175, 105), "finit_module": (313, 273),
}  # fmt: skip
# These do nothing, and say that they have: modes and times of files, which who copies a file wants to keep; and what
# the host's disk would be asked for, or its memory of files.
_IGNORED: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "fsync": (74, 82), "fdatasync": (75, 83), "sync_file_range": (277, 84), "fadvise64": (221, 223),
    "readahead": (187, 213),
}  # fmt: skip


class _ByArgument(NamedTuple):
    """A call that is allowed or denied where an argument, by its place from 0, has one of these values (or bits)."""

    numbers: tuple[int, int]
    argument: int
    values: tuple[int, ...]
    allowed: bool = False
    bits: bool = False


_BY_ARGUMENT = {
    # Limits of one's own can be asked, and only fall.
    "prlimit64": _ByArgument((302, 261), 0, (0,), allowed=True),
    # MAP_SHARED: what several could share stays when it is given back, and no limit counts it.
    "mmap": _ByArgument((9, 222), 3, (1,), bits=True),
    # A pair of the kernel's own sockets (AF_UNIX); asked for others, it looks for a module that has them.
    "socketpair": _ByArgument((53, 199), 0, (1,), allowed=True),
    # Locks (F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW), leases and watches of files that all of the host has, and
    # hints that are kept with them (F_SET_RW_HINT, F_SET_FILE_RW_HINT). F_SETPIPE_SZ: memory that no limit counts.
    "fcntl": _ByArgument((72, 25), 1, (6, 7, 37, 38, 1024, 1026, 1031, 1036, 1038)),
    # FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR: attributes of files. TIOCSTI, TIOCSETD: a terminal's input, and its modules.
    "ioctl": _ByArgument((16, 29), 1, (0x40086602, 0x401C5820, 0x5412, 0x5423)),
    # MADV_PAGEOUT, MADV_COLD: what others read, too.
    "madvise": _ByArgument((28, 233), 2, (20, 21)),
    # PR_SET_DUMPABLE, PR_SET_THP_DISABLE, as they are set below.
    "prctl": _ByArgument((157, 167), 0, (4, 41)),
}
# By what ``uname`` calls a machine: its column above, and its name in <linux/audit.h>.
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# <linux/prctl.h>
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 4, 22, 38, 2
_PR_SET_THP_DISABLE = 41
# <linux/filter.h>: load a word of the call's data, jump if equal, not less or with a bit in common, return.
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE, _IGNORE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000, 0x80000000
# Calls of x86-64's second table, by which the first one's numbers could be got round.
_X32 = 0x40000000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def seal() -> None:
    """Have no process of the same user look into this one. Raises OSError."""
    _prctl(_PR_SET_DUMPABLE, 0)


def confine(limits: Limits) -> None:
    """Hold this process to ``limits``, and to the calls that are left to it, from now on. Raises OSError."""
    # Here: not every system has it on which somebody asks for the limits' names alone.
    import resource

    for kind, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        # Of all processes of the host's user together: timers and signals that wait.
        (resource.RLIMIT_SIGPENDING, 64),
        # The filter holds where this one does not: the kernel exempts root.
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(kind, (value, value))
    # At the first the process may still end by itself, and none does.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))
    # A page of 2 MiB stays whole where a single byte of it is kept, and no limit counts the rest.
    _prctl(_PR_SET_THP_DISABLE, 1)
    code = filter_code(os.uname().machine)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    program = _Program(len(code) // 8, code)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


def filter_code(machine: str) -> bytes:
    """The filter, 8 bytes an instruction (``struct sock_filter``). Raises OSError on another machine."""
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no filter of system calls for {machine}; allowed are {', '.join(_MACHINES)}")
    column, architecture = _MACHINES[machine]
    # Of the call's data: its number at 0, the architecture at 4, from 16 on its arguments, of 8 bytes each.
    code = [(_LOAD, 0, 0, 4), (_IF_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if machine == "x86_64":
        code += [(_IF_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _REFUSE)]
    for names, answer in ((_DENIED, _REFUSE), (_IGNORED, _IGNORE)):
        for numbers in names.values():
            if (number := numbers[column]) is not None:
                code += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)]
    for call in _BY_ARGUMENT.values():
        most = len(call.values)
        # Of an argument the lower half, which on these machines comes first.
        code += [(_IF_EQUAL, 0, most + 3, call.numbers[column]), (_LOAD, 0, 0, 16 + 8 * call.argument)]
        test = _IF_BITS if call.bits else _IF_EQUAL
        code += [(test, most - place, 0, value) for place, value in enumerate(call.values)]
        answers = (_REFUSE, _ALLOW) if call.allowed else (_ALLOW, _REFUSE)
        code += [(_RETURN, 0, 0, answer) for answer in answers]
    return b"".join(struct.pack("=HBBI", *one) for one in [*code, (_RETURN, 0, 0, _ALLOW)])


def _prctl(*arguments: int) -> None:
    words = [ctypes.c_ulong(one) for one in (*arguments, 0, 0, 0, 0)[:5]]
    if ctypes.CDLL(None, use_errno=True).prctl(*words) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({arguments[0]}): {os.strerror(ctypes.get_errno())}")
