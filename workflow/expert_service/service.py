"""The service itself: starts the servers, says where they are, replaces those that die or hang, ends with the need."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eapo_verl.record.costs import count_parameters
from workflow.devices import claimed
from workflow.expert_service.health import Check, answers
from workflow.expert_service.placement import needed, place, shortage, visible
from workflow.expert_service.servers import ExpertModel, Server, server_environment
from workflow.expert_service.state import ExpertState, ReplicaState, ServiceError, ServiceFolder, ServiceState
from workflow.processes import Identity, StopRequest, adopt_orphans, end_children, reap_others, this_process

#: How often a server is started again.
RESTARTS = 3
#: Checks in a row that a server may fail: what it answers to one of them may be an accident.
CHECKS_FAILED = 2
_LOOK_S = 0.25
# Less than what a job has to end in.
_GRACE_S = 4.0


@dataclass(eq=False)
class _Watched:
    """A server, what is published of it, and what has become of it up to now."""

    server: Server
    state: ReplicaState
    check: Check | None = None
    checked_at: float = 0.0
    failed: int = 0
    restarts: int = 0
    given_up: bool = False


class Service:
    """Serves experts from one folder until it is stopped, idle, or has failed.

    Args:
        folder: where it can be found.
        owner: the process that it belongs to.
        servers: one or more an expert, not started yet.
        threads: of each server, on a CPU.
        keyed: whether requests need a key.
        idle_s: seconds without a lease after which it ends.
        stall_s: seconds in which a server that does not answer yet may show no sign of life, and in which one that does
            has to write a token.
        check_s: seconds between two checks of a server that answers.
    """

    def __init__(
        self,
        folder: ServiceFolder,
        owner: Identity,
        servers: Sequence[Server],
        threads: int,
        keyed: bool,
        idle_s: float,
        stall_s: float,
        check_s: float,
    ) -> None:
        self._folder, self._idle_s, self._stall_s, self._check_s = folder, idle_s, stall_s, check_s
        self._key = folder.make_key() if keyed else None
        self._env = server_environment(threads, self._key)
        self._watched = [_Watched(server, ReplicaState(base_url=server.base_url)) for server in servers]
        folders = {server.model.name: server.model.folder for server in servers}
        self._state = ServiceState(
            process=str(this_process()),
            owner=str(owner),
            keyed=keyed,
            experts={
                name: ExpertState(
                    replicas=[one.state for one in self._watched if one.server.model.name == name],
                    parameters=count_parameters(folder),
                )
                for name, folder in folders.items()
            },
        )
        self._leased_at = time.monotonic()

    def run(self) -> int:
        """Serve; returns the exit status."""
        stop = StopRequest([])
        adopt_orphans()
        try:
            for one in self._watched:
                one.server.start(self._env)
            self._folder.publish(self._state)
            while stop.reason() is None and not self._is_idle():
                for one in self._watched:
                    if not one.given_up:
                        self._look_after(one)
                reap_others([one.server.pid for one in self._watched if not one.given_up])
                time.sleep(_LOOK_S)
        except ServiceError as error:
            self._folder.fail(self._state.process, str(error))
            print(f"expert service: {error}", file=sys.stderr)
            return 1
        finally:
            end_children(_GRACE_S)
        return 0

    def _look_after(self, one: _Watched) -> None:
        server = one.server
        ending = server.ending()
        if ending is not None:
            self._replace(one, ending)
        elif one.check is not None:
            if one.check.done:
                self._judge(one, one.check.trouble)
        elif one.state.up or one.failed:
            if time.monotonic() - one.checked_at > self._check_s:
                self._check(one)
        elif answers(one.state.base_url):
            self._check(one)
        elif server.stalled_s() > self._stall_s:
            self._replace(
                one,
                f"{server.label} does not answer, and has shown no sign of life for {self._stall_s:.0f} s "
                f"(log {server.log})",
            )

    def _check(self, one: _Watched) -> None:
        one.check = Check(one.server.base_url, one.server.model.name, self._key, self._stall_s)

    def _judge(self, one: _Watched, trouble: str | None) -> None:
        """Note what a check has said."""
        one.check, one.checked_at = None, time.monotonic()
        if trouble is None:
            one.failed = 0
            if not one.state.up:
                one.state.up = True
                self._folder.publish(self._state)
            return
        one.failed += 1
        if one.failed >= CHECKS_FAILED:
            self._replace(one, f"{one.server.label} is ill: {trouble} (log {one.server.log})")

    def _replace(self, one: _Watched, why: str) -> None:
        """End a server, whatever is left of it, and start it again, if that may help.

        Whoever has asked it meets the end of a connection, and another server of the expert.

        Raises:
            ServiceError: it was started in vain, or too often, and the expert has no other that answers.
        """
        was_up, one.state.up, one.check, one.failed = one.state.up, False, None, 0
        self._folder.publish(self._state)
        # Its engine may have outlived it.
        end_children(_GRACE_S, keep=[other.server.pid for other in self._watched if other is not one])
        answering = self._state.experts[one.server.model.name].up
        if one.restarts == RESTARTS and answering:
            one.given_up = True
            print(f"expert service: {why}; it is left alone, others answer for it", file=sys.stderr)
            return
        if one.restarts == RESTARTS or not (was_up or answering):
            raise ServiceError(why)
        print(f"expert service: {why}; starting it again", file=sys.stderr)
        one.restarts += 1
        one.server.start(self._env)

    def _is_idle(self) -> bool:
        if self._folder.is_leased():
            self._leased_at = time.monotonic()
        if time.monotonic() - self._leased_at < self._idle_s:
            return False
        with self._folder.starting():
            # Somebody may have come in between; nobody can from here to the end.
            if self._folder.is_leased():
                return False
            self._folder.clear()
            return True


def serve(
    folder: Path,
    owner: Identity,
    models: Sequence[ExpertModel],
    *,
    host: str,
    keyed: bool,
    threads: int,
    log_dir: Path,
    program: Path,
    idle_s: float,
    stall_s: float,
    check_s: float,
) -> int:
    """Serve ``models`` (:class:`Service` says how); returns the exit status.

    Raises:
        ServiceError: a model is missing, there are too few accelerators, ``host`` is none of this machine's, or another
            service runs in the folder.
    """
    found = ServiceFolder(folder)
    servers = [
        Server(model, replica, host, log_dir, program, devices)
        for model, placed in zip(models, _placed(models), strict=True)
        for replica, devices in enumerate(placed)
    ]
    running = found.begin()
    try:
        return Service(found, owner, servers, threads, keyed, idle_s, stall_s, check_s).run()
    finally:
        os.close(running)


def _placed(models: Sequence[ExpertModel]) -> list[list[list[str] | None]]:
    """The accelerators of each replica of each model, the last that are here, since trainings take the first."""
    there = visible()
    if there is None:
        return [[None] * model.serving.replicas for model in models]
    servings = {model.name: model.serving for model in models}
    if (said := shortage(servings, len(there), "this machine")) is not None:
        raise ServiceError(said)
    placed, number = place(list(servings.values())), needed(list(servings.values()))
    held = claimed(number, last=True)
    mine = there[len(there) - number :] if held is None else held
    return [[[mine[index] for index in replica] for replica in one] for one in placed]
