"""The servers of one expert: which of them is asked next, and which is left alone."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from eapo_verl.experts.client import ExpertClient
from eapo_verl.experts.health import CircuitBreaker
from eapo_verl.settings.base import Endpoint, ExpertPoolSettings

State = Literal["closed", "half_open", "open"]
_STATES: tuple[State, ...] = ("closed", "half_open", "open")


@dataclass(eq=False)
class Replica:
    """One server.

    Attributes:
        label: for the log.
        client: of it.
        breaker: whether it is left alone.
        open: requests that are on their way to it.
        sent: requests up to now.
    """

    label: str
    client: ExpertClient
    breaker: CircuitBreaker
    open: int = 0
    sent: int = 0

    @contextmanager
    def asked(self) -> Iterator[None]:
        """While a request is on its way to it."""
        self.open += 1
        self.sent += 1
        try:
            yield
        finally:
            self.open -= 1


class Replicas:
    """The servers of an endpoint, one for each of its addresses.

    Args:
        endpoint: the expert.
        settings: when a server is left alone.
        thoughts: as of :class:`~eapo_verl.experts.client.ExpertClient`.

    Raises:
        ValueError: as of :class:`~eapo_verl.experts.client.ExpertClient`.
    """

    def __init__(self, endpoint: Endpoint, settings: ExpertPoolSettings, thoughts: bool) -> None:
        urls = (endpoint.base_url, *endpoint.replica_urls)
        self._all = [
            Replica(
                f"expert {endpoint.name}" + (f" (replica {number} of {len(urls)})" if len(urls) > 1 else ""),
                ExpertClient(endpoint.model_copy(update={"base_url": url}), settings.reply_max_bytes, thoughts),
                CircuitBreaker(settings.breaker_threshold, settings.breaker_cooldown_s),
            )
            for number, url in enumerate(urls, 1)
        ]
        #: What requests are made by; they are the same for all.
        self.client = self._all[0].client

    @property
    def state(self) -> State:
        """That of the one that is best off."""
        return min((one.breaker.state for one in self._all), key=_STATES.index)

    def choose(self, tried: Collection[Replica]) -> Replica | None:
        """The one of those left to try that has the fewest requests open; None: none is left, or may be asked.

        Where that is one that was left alone, the request is the probe.
        """
        for one in sorted(self._all, key=lambda one: (one.open, one.sent)):
            if one not in tried and one.breaker.allow():
                return one
        return None

    async def close(self) -> None:
        """Close every connection."""
        for one in self._all:
            await one.client.close()
