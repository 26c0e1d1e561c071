"""The service itself: starts the servers, says where they are, starts one again that died, ends when nobody asks."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from eapo_verl.record.costs import count_parameters
from workflow.expert_service.servers import ExpertModel, Server, server_environment
from workflow.expert_service.state import ExpertState, ServiceError, ServiceFolder, ServiceState
from workflow.processes import Identity, StopRequest, adopt_orphans, end_children, reap_others, this_process

#: How often the server of one expert is started again.
RESTARTS = 3
_LOOK_S = 0.25
# Less than what a job has to end in.
_GRACE_S = 4.0


class Service:
    """Serves experts from one folder until it is stopped, idle, or has failed.

    Args:
        folder: where it can be found.
        owner: the process that it belongs to.
        servers: one an expert, not started yet.
        threads: of each server, on a CPU.
        keyed: whether requests need a key.
        idle_s: seconds without a lease after which it ends.
        stall_s: seconds in which a server that does not answer yet may show no sign of life.
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
    ) -> None:
        self._folder, self._servers, self._idle_s, self._stall_s = folder, servers, idle_s, stall_s
        self._env = server_environment(threads, folder.make_key() if keyed else None)
        self._restarts = dict.fromkeys(servers, 0)
        self._state = ServiceState(
            process=str(this_process()),
            owner=str(owner),
            keyed=keyed,
            experts={
                server.model.name: ExpertState(
                    base_url=server.base_url, parameters=count_parameters(server.model.folder)
                )
                for server in servers
            },
        )
        self._leased_at = time.monotonic()

    def run(self) -> int:
        """Serve; returns the exit status."""
        stop = StopRequest([])
        adopt_orphans()
        try:
            for server in self._servers:
                server.start(self._env)
            self._folder.publish(self._state)
            while stop.reason() is None and not self._is_idle():
                for server in self._servers:
                    self._look_after(server)
                reap_others([server.pid for server in self._servers])
                time.sleep(_LOOK_S)
        except ServiceError as error:
            self._folder.publish(self._state.model_copy(update={"failure": str(error)}))
            print(f"expert service: {error}", file=sys.stderr)
            return 1
        finally:
            end_children(_GRACE_S)
        return 0

    def _look_after(self, server: Server) -> None:
        expert = self._state.experts[server.model.name]
        ending = server.ending()
        if ending is not None:
            was_up, expert.up = expert.up, False
            self._folder.publish(self._state)
            # Its engine may have outlived it.
            end_children(_GRACE_S, keep=[other.pid for other in self._servers if other is not server])
            if not was_up or self._restarts[server] == RESTARTS:
                raise ServiceError(ending)
            print(f"expert service: {ending}; starting it again", file=sys.stderr)
            self._restarts[server] += 1
            server.start(self._env)
        elif not expert.up:
            if expert.answers():
                expert.up = True
                self._folder.publish(self._state)
            elif server.stalled_s() > self._stall_s:
                raise ServiceError(
                    f"expert {server.model.name} does not answer, and has shown no sign of life for "
                    f"{self._stall_s:.0f} s (log {server.log})"
                )

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
) -> int:
    """Serve ``models`` (:class:`Service` says how); returns the exit status.

    Raises:
        ServiceError: a model is missing, ``host`` is none of this machine's, or another service runs in the folder.
    """
    place = ServiceFolder(folder)
    servers = [Server(model, host, log_dir / f"{model.name}.log", program) for model in models]
    running = place.begin()
    try:
        return Service(place, owner, servers, threads, keyed, idle_s, stall_s).run()
    finally:
        os.close(running)
