"""The agent loops' way to a rollout engine that is the only one."""

from typing import Any

from ray.actor import ActorHandle
from verl.workers.rollout.llm_server import LLMServerClient


class SoleServerClient(LLMServerClient):
    """verl's client without its load balancer, whose two calls a turn tell one server from itself."""

    _server: tuple[str, ActorHandle] | None = None

    async def _acquire_server(self, request_id: str, **extra: Any) -> tuple[str, ActorHandle]:
        if self._server is None:
            self._server = await super()._acquire_server(request_id, **extra)
        return self._server

    def _release_server(self, server_id: str, request_id: str | None = None) -> None:
        """There is nothing to count."""
