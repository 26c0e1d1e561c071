"""What lies in the folder of an expert service: who it is, where its experts are, who holds a lease, the key."""

import contextlib
import fcntl
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


class ExpertState(BaseModel):
    """Where an expert is (OpenAI-style ``base_url``, ".../v1"), its size, if it has answered since it was started."""

    base_url: str
    parameters: int | None = None
    up: bool = False


class ServiceState(BaseModel):
    """A running service; ``failure`` says in one line why it is about to end."""

    process: str
    owner: str
    keyed: bool
    experts: dict[str, ExpertState]
    failure: str | None = None

    def running(self) -> bool:
        """Whether the service can still be used, as far as this machine knows."""
        return self.failure is None and not Identity.parse(self.process).ended()

    def endpoints(self) -> dict[str, dict[str, Any]]:
        """The experts as a run's settings name them."""
        key = {"api_key_env": KEY_VARIABLE} if self.keyed else {}
        return {
            name: {"model": name, **key, **one.model_dump(exclude={"up"}, exclude_none=True)}
            for name, one in self.experts.items()
        }


class ServiceFolder:
    """The folder of one service; everything in it may be left over from an earlier one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state = path / "state.json"
        self._key = path / "key"
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

    def clear(self) -> None:
        """Remove state and key."""
        self._state.unlink(missing_ok=True)
        self._key.unlink(missing_ok=True)

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
        descriptor = self._open("leases")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _open(self, name: str) -> int:
        return os.open(self.path / name, os.O_RDWR | os.O_CREAT, 0o600)
