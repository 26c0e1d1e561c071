"""Stands where ``python`` would: hands its own start over to a fork server and ends as the process made there ends.

``python -I -S fork_client.py ADDRESS ARGUMENTS...`` does what ``python ARGUMENTS...`` does, in a process that the
server at ADDRESS forks (:mod:`eapo_verl.cpu.fork_server`). Arguments, environment, working directory and every
inherited file descriptor go there; signals are passed on, and if this process or its parent dies, so does the other
one. Imports the standard library alone, little of it: it runs once for every process of a training run.
"""

import json
import os
import select
import signal
import socket
import struct
import sys

#: What a message is preceded by: its length in bytes.
HEADER = struct.Struct("!I")
#: Exit status where the server has gone, or the parent.
LOST = 71
#: File descriptors in one message; the kernel takes 253.
_FDS_AT_ONCE = 200
#: Seconds between two looks whether the parent still lives.
_PARENT_POLL_S = 1.0
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def inherited_fds() -> list[int]:
    """The open file descriptors of this process, those of the listing itself aside."""
    return [fd for fd in map(int, os.listdir("/proc/self/fd")) if os.path.exists(f"/proc/self/fd/{fd}")]


def request(connection: socket.socket, arguments: list[str], fds: list[int]) -> None:
    """Ask the server to start a process with these arguments, this environment and these descriptors."""
    body = json.dumps(
        {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd(), "fds": fds}
    ).encode()
    connection.sendall(HEADER.pack(len(body)) + body)
    for start in range(0, len(fds), _FDS_AT_ONCE):
        socket.send_fds(connection, [b"f"], fds[start : start + _FDS_AT_ONCE])


def follow(connection: socket.socket, wakeup: int) -> int:
    """Pass signals on until the server says how the process has ended; return its wait status.

    Raises:
        ConnectionError: the server is gone, and with it the process.
    """
    parent = os.getppid()
    while os.getppid() == parent:
        ready, _, _ = select.select([connection.fileno(), wakeup], [], [], _PARENT_POLL_S)
        # First: it may have ended as a signal came.
        if connection.fileno() in ready:
            answer = connection.recv(HEADER.size, socket.MSG_WAITALL)
            if len(answer) < HEADER.size:
                raise ConnectionError("the fork server is gone")
            return int(HEADER.unpack(answer)[0])
        if wakeup in ready:
            # Where it has ended just now, its status lies there.
            try:
                connection.sendall(os.read(wakeup, 64))
            except BrokenPipeError:
                continue
    raise ConnectionError("the parent is gone")


def main() -> None:
    """Start the process, follow it, and end as it did."""
    address, *arguments = sys.argv[1:]
    fds = inherited_fds()
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in _PASSED_ON:
        # Otherwise it would be this process that the signal ends; the number is what arrives in the pipe.
        signal.signal(number, lambda number, frame: None)
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(f"\0{address}")
            request(connection, arguments, fds)
        except OSError as error:
            print(f"fork client: the fork server is gone: {error}", file=sys.stderr)
            sys.exit(LOST)
        # From now on the process alone holds them: who waits for a pipe's end waits for that of the process.
        os.closerange(0, 3)
        for fd in fds:
            if fd > 2:
                os.close(fd)
        try:
            status = follow(connection, read)
        except OSError:
            os._exit(LOST)
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) in _PASSED_ON:
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
