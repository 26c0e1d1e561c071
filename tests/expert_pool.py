"""A pool's replies to some queries, for tests of what servers do with them."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eapo_verl.experts.pool import ExpertPool
from eapo_verl.experts.reply import Reply
from eapo_verl.settings.base import Endpoint, ExpertPoolSettings

NOBODY = "http://127.0.0.1:9/v1"


def endpoint(base_url: str, name: str = "a", **fields: Any) -> Endpoint:
    """An expert that is asked once, and waited for."""
    return Endpoint(name=name, base_url=base_url, **({"model": "m", "timeout_s": 8.0, "retries": 0} | fields))


def ask(
    endpoints: Sequence[Endpoint],
    queries: Sequence[str],
    seed: int = 5,
    journal: Path | None = None,
    thoughts: bool = False,
    **settings: Any,
) -> list[Reply]:
    """The replies, in order."""
    limits = ExpertPoolSettings(**({"deadline_s": 20.0, "backoff_s": 0.02} | settings))

    async def run() -> list[Reply | None]:
        async with ExpertPool(endpoints, settings=limits, journal=journal, thoughts=thoughts) as pool:
            return await pool.ask(queries, "the problem", seed)

    return [reply for reply in asyncio.run(run()) if reply is not None]
