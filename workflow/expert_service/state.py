"""What lies in the folder of an expert service: who it is, where its experts are, who holds a lease, the key."""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from eapo_verl.record.files import write_whole
from workflow.processes import Identity

#: Holds the key of the experts' endpoints in the environment of a run.
KEY_VARIABLE = "EAPO_EXPERT_KEY"


class ServiceError(Exception):
    """Why experts cannot be served, in one line."""


class ReplicaState(BaseModel):
    """Where one of an expert's servers is (OpenAI-style, ".../v1"), and if it has answered since it was started."""

    base_url: str
    up: bool = False


class ExpertState(BaseModel):
    """An expert's servers, and the size of its model."""

    replicas: list[ReplicaState]
    parameters: int | None = None

    @property
    def up(self) -> bool:
        """Whether somebody who asks is answered: by one of them, at least."""
        return any(one.up for one in self.replicas)

    def endpoint(self) -> dict[str, Any]:
        """Where it is, as a run's settings say it."""
        first, *others = [one.base_url for one in self.replicas]
        size = {} if self.parameters is None else {"parameters": self.parameters}
        return {"base_url": first, **({"replica_urls": others} if others else {}), **size}


class ServiceState(BaseModel):
    """A service, for as long as it runs."""

    process: str
    owner: str
    keyed: bool
    experts: dict[str, ExpertState]

    def endpoints(self) -> dict[str, dict[str, Any]]:
        """The experts as a run's settings name them."""
        key = {"api_key_env": KEY_VARIABLE} if self.keyed else {}
        return {name: {"model": name, **key, **one.endpoint()} for name, one in self.experts.items()}


class ServiceFolder:
    """The folder of one service; everything in it may be left over from an earlier one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state = path / "state.json"
        self._key = path / "key"
        self._job = path / "job"
        self._failures = path / "failures.json"
        path.mkdir(parents=True, exist_ok=True)

    def read(self) -> ServiceState | None:
        """The state that the last service published; None where there is none, or an orderly end."""
        try:
            return ServiceState.model_validate_json(self._state.read_bytes())
        except FileNotFoundError:
            return None

    def publish(self, state: ServiceState) -> None:
        """Replace the state in one step."""
        write_whole(self._state, state.model_dump_json(indent=1))

    def fail(self, process: str, why: str) -> None:
        """Say in one line why a service is about to end; its successor leaves that to those who still wait for it."""
        write_whole(self._failures, json.dumps({**self._failed(), process: why}, indent=1))

    def failure(self, process: str) -> str | None:
        """What a service has said to :meth:`fail`, even where another one has taken its place since."""
        return self._failed().get(process)

    def _failed(self) -> dict[str, str]:
        try:
            return json.loads(self._failures.read_bytes())
        except FileNotFoundError:
            return {}

    def clear(self) -> None:
        """Remove state, key and job."""
        for path in (self._state, self._key, self._job):
            path.unlink(missing_ok=True)

    def serves(self, state: ServiceState) -> bool:
        """Whether the service that published ``state`` can still be used, as far as this machine knows."""
        process = Identity.parse(state.process)
        if process.ended() or self.failure(state.process) is not None:
            return False
        return process.here or self._is_locked("service")

    def note_job(self, number: str) -> None:
        """Keep the number of the cluster's job that is, or will be, the service."""
        write_whole(self._job, number)

    def noted_job(self) -> str | None:
        """The number that :meth:`note_job` was told last."""
        try:
            return self._job.read_text(encoding="ascii")
        except FileNotFoundError:
            return None

    def begin(self) -> int:
        """Say to other machines that the service runs, for as long as the returned file descriptor is open.

        Raises:
            ServiceError: another one does.
        """
        descriptor = self._open("service")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise ServiceError(f"another service runs in {self.path}") from error
        return descriptor

    def make_key(self) -> str:
        """A new random key, which this user alone can read."""
        key = secrets.token_urlsafe(32)
        with open(os.open(self._key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(key)
        return key

    def read_key(self) -> str:
        """The key that :meth:`make_key` made."""
        return self._key.read_text(encoding="ascii")

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """One at a time may start a service, or decide to end an idle one."""
        descriptor = self._open("lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def lease(self) -> int:
        """Hold a lease for as long as the returned file descriptor is open in any process."""
        descriptor = self._open("leases")
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return descriptor

    def is_leased(self) -> bool:
        """Whether anybody holds a lease."""
        return self._is_locked("leases")

    def _is_locked(self, name: str) -> bool:
        descriptor = self._open(name)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _open(self, name: str) -> int:
        return os.open(self.path / name, os.O_RDWR | os.O_CREAT, 0o600)
