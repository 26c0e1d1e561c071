"""Processes that need not import the engines again: forked from one that has.

Without an accelerator a training run is ten Python processes (Ray's workers, vLLM's engine), and each would import
torch, vLLM and verl for itself, ten seconds of a core a process. :func:`serving` forks a server off the calling
process, which has imported them and has no threads yet, and yields the path of a program to be started in place of
``python``: it connects to the server (:mod:`eapo_verl.cpu.fork_client`), which forks the process that is wanted.
Imported code is in memory once, too. Ray takes the program as ``py_executable`` of its runtime environment,
``multiprocessing`` by ``set_executable``. :func:`bound` and :class:`ForkServer` make a process a server itself.

Such a process differs from a fresh one in what the server had imported, and in nothing else that these programs look
at: environment, arguments, folder and descriptors are those of its client. All of them end with the server, and the
server ends with the process that it was forked off, however that ends.
"""

import contextlib
import gc
import json
import os
import secrets
import selectors
import shlex
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from eapo_verl.cpu import fork_client
from eapo_verl.cpu.forked_process import become, prepare
from eapo_verl.cpu.parent_death import die_with_parent

_BACKLOG = 64
_FDS_AT_ONCE = 253
#: Process, user and group of a connection's other end.
_CREDENTIALS = struct.Struct("3i")


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Path]:
    """Fork a server off this process and yield the program that starts a process through it.

    Args:
        folder: where the program, a file of one line, is written.

    Raises:
        RuntimeError: this process has threads of Python's; a fork would leave their locks as they are.
    """
    get_ready()
    with bound(folder) as (listener, program):
        parent = os.getpid()
        server = os.fork()
        if server == 0:
            ForkServer(listener, program).serve(parent)
        try:
            yield program
        finally:
            os.kill(server, signal.SIGKILL)
            os.waitpid(server, 0)
            program.unlink()


def get_ready() -> None:
    """Make this process one that can be forked again and again, its imports done.

    Raises:
        RuntimeError: it has threads of Python's; a fork would leave their locks as they are.
    """
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        raise RuntimeError(f"a fork server has to be forked before any thread is started; there are {names}")
    # What is imported stays: the collector has no reason to touch, and so to copy, its pages.
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def bound(folder: Path) -> Iterator[tuple[socket.socket, Path]]:
    """A socket for a server, and the program, written into ``folder``, whose processes wait there for being served."""
    # An address outside the file system: nothing is left of it, and the folder's path may be of any length.
    program, address = folder.absolute() / "python", f"eapo-fork-{secrets.token_hex(16)}"
    words = [sys.executable, "-I", "-S", fork_client.__file__, address]
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{address}")
        listener.listen(_BACKLOG)
        yield listener, program


class ForkServer:
    """Forks a process for each connection, passes signals on to it, and says how it has ended.

    Args:
        listener: where clients connect.
        program: what starts them, for processes that start further ones.
    """

    def __init__(self, listener: socket.socket, program: Path) -> None:
        self._listener = listener
        self._program = program
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, socket.socket] = {}

    def serve(self, parent: int) -> NoReturn:
        """Serve until ``parent``, the process that has started this one, is gone (:func:`get_ready` comes before)."""
        self._own = os.getpid()
        die_with_parent(signal.SIGKILL, parent)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        read, self._wakeup = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(self._wakeup, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(read, selectors.EVENT_READ, self._reap)
        while True:
            for key, _ in self._selector.select():
                key.data(key.fileobj)

    @property
    def processes(self) -> Collection[int]:
        """Those that were forked and have not ended."""
        return self._clients.keys()

    def begin(self, become: Callable[[int], NoReturn], fds: Sequence[int]) -> NoReturn:
        """In a process that was just forked: ``become`` what is wanted, a child of the process that it is told.

        ``fds`` are the descriptors that it is to have.
        """
        become(self._own)

    def has_ended(self, status: int) -> None:
        """One of the processes has, with this wait status."""

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        if _user_of(connection) != os.getuid():
            # Such an address has no permissions: anybody on the machine may connect.
            connection.close()
            return
        try:
            wanted, fds = _receive(connection)
        except (OSError, ValueError):
            # The client has been killed before it had said what it wanted.
            connection.close()
            return
        process = os.fork()
        if process == 0:
            for own in (self._listener, connection, *self._clients.values()):
                own.close()
            self._selector.close()
            signal.set_wakeup_fd(-1)
            self.begin(
                lambda parent: become(lambda: prepare(wanted, fds, parent, self._program), wanted["arguments"]), fds
            )
        for fd in fds:
            os.close(fd)
        self._clients[process] = connection
        self._selector.register(connection, selectors.EVENT_READ, lambda one: self._pass_on(process, one))

    def _pass_on(self, process: int, connection: socket.socket) -> None:
        try:
            numbers = connection.recv(64)
        except ConnectionError:
            numbers = b""
        if process not in self._clients:
            return
        if not numbers:
            # The client was killed, so that its process is meant to be.
            self._selector.unregister(connection)
            os.kill(process, signal.SIGKILL)
        for number in numbers:
            os.kill(process, number)

    def _reap(self, wakeup: int) -> None:
        os.read(wakeup, 4096)
        while self._clients:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            connection = self._clients.pop(process, None)
            if connection is None:
                # What one of them has left behind, where this process adopts that.
                continue
            with contextlib.suppress(KeyError):
                self._selector.unregister(connection)
            with contextlib.suppress(OSError):
                connection.sendall(fork_client.HEADER.pack(status))
            connection.close()
            self.has_ended(status)


def _user_of(connection: socket.socket) -> int:
    """The id of the user at the other end, as the kernel knows it."""
    _, user, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(user)


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What a client asks for, and the descriptors that came with it."""
    (length,) = fork_client.HEADER.unpack(_exactly(connection, fork_client.HEADER.size))
    wanted = json.loads(_exactly(connection, length))
    fds: list[int] = []
    while len(fds) < len(wanted["fds"]):
        _, received, _, _ = socket.recv_fds(connection, 1, _FDS_AT_ONCE)
        if not received:
            raise ConnectionError("a client is gone")
        fds += received
    return wanted, fds


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = connection.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        raise ConnectionError("a client is gone")
    return data
