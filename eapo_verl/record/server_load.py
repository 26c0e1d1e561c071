"""How busy vLLM servers are, by their own /metrics: requests that run and that wait, and how full the KV cache is.

Asked from a thread beside the run, now and then while rollouts are written. Whatever goes wrong is counted, and nobody
waits for it. A server that is no vLLM has no such page: it is asked once, and has no columns.
"""

import asyncio
import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from yarl import URL

from eapo_verl.experts.http import CONNECTION_ERRORS, BodyRefused, environment_proxy, open_session, read_body
from eapo_verl.experts.server_pages import metrics_url, read_metrics
from eapo_verl.record.by_expert import PREFIX
from eapo_verl.settings.base import Endpoint

#: Seconds that a server has for the page.
WITHIN_S = 2.0
_RUNNING, _WAITING, _KV_CACHE = "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"
_HEADERS = {"Accept": "text/plain", "Accept-Encoding": "identity"}
#: What the columns of a run's own engine begin with.
ROLLOUT_ENGINE = "rollout_engine"
#: Columns that count how often a server was asked, and how often it did not say.
ASKED, FAILED = "server_load_asked", "server_load_failed"


class Load(NamedTuple):
    """Requests that a model's servers run, requests that wait there, and the share of the fullest KV cache in use."""

    running: float
    waiting: float
    kv_cache: float


def experts_servers(experts: Sequence[Endpoint]) -> dict[str, list[str]]:
    """The pages of each expert's servers, by what its columns begin with."""
    return {
        f"{PREFIX}{expert.name}": [metrics_url(url) for url in (expert.base_url, *expert.replica_urls)]
        for expert in experts
    }


def read_load(text: str) -> Load | None:
    """What a page says of all engines of a server; None: it is not vLLM's.

    Raises:
        ValueError: it is malformed.
    """
    found = read_metrics(text, (_RUNNING, _WAITING, _KV_CACHE))
    if not all(found.values()):
        return None
    if not all(math.isfinite(value) for values in found.values() for value in values):
        raise ValueError("a load that is no number")
    return Load(sum(found[_RUNNING]), sum(found[_WAITING]), max(found[_KV_CACHE]))


class ServerLoads:
    """What servers have said since the last step; one thread asks, another takes.

    Args:
        servers: the pages of the servers of each model, by what its columns begin with.
    """

    def __init__(self, servers: Mapping[str, Sequence[str]]) -> None:
        self._servers = {name: list(urls) for name, urls in servers.items()}
        self._no_vllm: set[str] = set()
        self._seen: dict[str, Load] = {}
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def sample(self) -> dict[str, Load]:
        """Ask all servers at once; what each model's said, of which none is missing. Takes ``WITHIN_S`` at most."""
        asked = {name: urls for name, urls in self._servers.items() if not self._no_vllm.issuperset(urls)}
        answers = asyncio.run(_ask([url for urls in asked.values() for url in urls])) if asked else {}
        self._no_vllm |= {url for url, answer in answers.items() if answer == "no vLLM"}
        loads = {}
        for name, urls in asked.items():
            told = [answers[url] for url in urls if url not in self._no_vllm]
            known = [load for load in told if isinstance(load, Load)]
            if known and len(known) == len(told):
                loads[name] = _together(known)
        with self._lock:
            for name, load in loads.items():
                self._seen[name] = Load(*map(max, load, self._seen.get(name, load)))
            self._counts[ASKED] += sum(answer != "no vLLM" for answer in answers.values())
            self._counts[FAILED] += sum(answer == "failed" for answer in answers.values())
        return loads

    def take(self) -> dict[str, float | int]:
        """A step's columns; what they tell is forgotten here.

        Returns:
            of each model whose servers have said so queue_running, queue_waiting and kv_cache_use, each the largest
            since the last time; and how often servers were asked, and did not say.
        """
        with self._lock:
            seen, counts = self._seen, self._counts
            self._seen, self._counts = {}, Counter()
        columns: dict[str, float | int] = {name: counts[name] for name in (ASKED, FAILED)}
        for name, load in seen.items():
            columns |= zip(_columns(name), load, strict=True)
        return columns


def largest(steps: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """The largest of each over a run's lines, by what the columns begin with; None where it was never told."""
    made = {}
    for name in names:
        told = {column: [step[column] for step in steps if step.get(column) is not None] for column in _columns(name)}
        made[name] = {column.rpartition("/")[2]: max(values, default=None) for column, values in told.items()}
    return made


def _columns(name: str) -> tuple[str, str, str]:
    return f"{name}/queue_running", f"{name}/queue_waiting", f"{name}/kv_cache_use"


def _together(loads: Sequence[Load]) -> Load:
    return Load(
        sum(one.running for one in loads), sum(one.waiting for one in loads), max(one.kv_cache for one in loads)
    )


async def _ask(urls: Sequence[str]) -> dict[str, Load | str]:
    # No key goes along: vLLM wants none for this page.
    return dict(zip(urls, await asyncio.gather(*map(_ask_one, urls)), strict=True))


async def _ask_one(url: str) -> Load | str:
    try:
        async with (
            asyncio.timeout(WITHIN_S),
            open_session(_HEADERS, environment_proxy(URL(url))) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status >= 500:
                return "failed"
            body = await read_body(response) if response.status == 200 else b""
        return read_load(body.decode()) or "no vLLM"
    except (TimeoutError, ValueError, BodyRefused, *CONNECTION_ERRORS):
        return "failed"
