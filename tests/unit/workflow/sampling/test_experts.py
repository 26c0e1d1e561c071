"""Experts answer while the sampler's own loop stands still, as it does when its engine computes."""

import asyncio
import time

from baselines.procedure import Replies
from eapo_verl.settings.base import Endpoint
from tests.expert_server import ExpertServer
from workflow.sampling.experts import Experts


def endpoint(server: ExpertServer) -> Endpoint:
    return Endpoint(name="expert", base_url=server.base_url, model="m")


def test_a_question_is_answered_while_the_engine_computes() -> None:
    async def ask(server: ExpertServer) -> tuple[int, str]:
        async with Experts([endpoint(server)], Replies(max_characters=100), ()) as experts:
            asking = asyncio.create_task(experts.ask("echo 42", None, seed=1))
            await asyncio.sleep(0)
            began = time.monotonic()
            while not server.received and time.monotonic() - began < 10:
                time.sleep(0.01)  # The loop's own thread: nothing in it goes on.
            arrived = len(server.received)
            (reply,) = await asking
            return arrived, reply.text

    with ExpertServer() as server:
        assert asyncio.run(ask(server)) == (1, "42")


def test_who_leaves_waits_for_no_answer() -> None:
    async def leave(server: ExpertServer) -> None:
        async with Experts([endpoint(server)], Replies(max_characters=100), ()) as experts:
            asking = asyncio.create_task(experts.ask("slow", None, seed=1))
            while not server.received:
                await asyncio.sleep(0.01)
            asking.cancel()

    with ExpertServer() as server:
        began = time.monotonic()
        asyncio.run(leave(server))
        assert time.monotonic() - began < 2.5 and not server.released.is_set()
