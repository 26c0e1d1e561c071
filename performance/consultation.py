"""What the agent loop adds to the experts' latency, beside verl's own loop for tools.

``python performance/consultation.py [--workers 1 2] [--rounds 5]``

256 rollouts at once consult three times, with three queries each, an expert that answers after 200 ms: a local server
(``slow_expert.py``) in a process of its own. The policy is scripted and takes no time, so at best the whole takes three
latencies. The same queries are asked, in alternating order, by

- the project's ``PolicyAgentLoop``, through its ``ExpertPool``;
- verl's ``ToolAgentLoop``, with a tool that sends them through the same ``ExpertClient``;
- that client alone, without any loop: what the two can do at best;
- ``openai``'s client as it comes, likewise.

As in verl, the rollouts are shared out over worker processes (``rollout.agent.num_workers``, 8 by default), the event
loop is Ray's choice (uvloop), and a loop object is made for every rollout, of ours too, which a training run makes once
a process. The first of ours has the garbage collector leave alone what was imported, which all of them gain from.
Prints, for each number of workers, the wall time, its ratios, and the CPU time that the workers took, in all and for a
query: what bounds them where it exceeds the latency.
"""

import argparse
import asyncio
import contextlib
import functools
import io
import multiprocessing
import os
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import openai
from omegaconf import OmegaConf
from ray._private.async_compat import get_new_event_loop

# This file's own folder comes first when it is run by its path, and its analysis.py hides the package of that name.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from slow_expert import LATENCY_S, REPLY, serve

from eapo_verl.engine.verl_config import compose
from eapo_verl.experts.client import ExpertClient
from eapo_verl.settings.base import Endpoint, ExpertPoolSettings
from eapo_verl.settings.run import RunSettings
from workflow.embedded.tokenizer import build_tokenizer

ROLLOUTS, TURNS, QUERIES = 256, 3, 3
IDEAL_S = TURNS * LATENCY_S
OURS, VERLS, CLIENT, OPENAI = "PolicyAgentLoop", "verl's ToolAgentLoop", "ExpertClient alone", "openai's client alone"
PROBLEM, ANSWER = "4+7@3;1*2;9#5-8", "\\boxed{626}</s>"
# Hermes' form of a call around its argument; a token each, so that both loops read and write as many tokens.
CALL_OPEN, CALL_CLOSE = '<tool_call>{"name": "ask", "arguments": {"query": "', '"}}</tool_call>'

Drive = Callable[[int], Awaitable[None]]


# The rollouts.


def queries(rollout: int, turn: int) -> list[str]:
    """What is asked in one turn of one rollout, in the characters of the embedded world."""
    return [f"{rollout}+{turn}-{number}" for number in range(QUERIES)]


def messages(query: str) -> Any:
    """The chat that the expert sees."""
    return [{"role": "user", "content": query}]


class ScriptedPolicy:
    """Stands for verl's client of the rollout engine in one rollout: returns the next turn's tokens at once."""

    def __init__(self, encode: Callable[[str], list[int]], turns: list[str]) -> None:
        self._turns = iter([encode(turn) for turn in (*turns, ANSWER)])

    async def generate(self, **request: Any) -> Any:
        """The next turn, whatever the prompt and the sampling."""
        from verl.workers.rollout.replica import TokenOutput

        return TokenOutput(token_ids=list(next(self._turns)), extra_fields={"global_steps": 0})


def make_tool(client: ExpertClient) -> Any:
    """The expert as a tool of verl's."""
    from verl.tools.base_tool import BaseTool
    from verl.tools.schemas import OpenAIFunctionToolSchema, ToolResponse

    class Ask(BaseTool):
        async def execute(
            self, instance_id: str, parameters: dict[str, Any], **kwargs: Any
        ) -> tuple[ToolResponse, float, dict]:
            attempt = await client.send(client.request(messages(parameters["query"]), seed=1))
            return ToolResponse(text=attempt.reply.text), 0.0, {}

    function = {
        "name": "ask",
        "description": "Ask an expert.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    }
    # verl prints the schema.
    with contextlib.redirect_stdout(io.StringIO()):
        return Ask({}, OpenAIFunctionToolSchema.model_validate({"type": "function", "function": function}))


def run_settings(endpoint: Endpoint) -> RunSettings:
    """A run in which every reply is accepted; nothing is trained, so the numbers of training mean nothing."""
    rollout = "actor_rollout_ref.rollout.multi_turn"
    return RunSettings.model_validate(
        {
            "experiment": "benchmark", "method": "eapo", "kind": "rl", "seed": 1, "config_sha256": "",
            "policy": "policy", "train_file": "train", "validation_file": "validation",
            "experts": [endpoint],
            "consultation": {
                "max_queries": QUERIES,
                "turns": {"train": TURNS, "evaluation": TURNS},
                "acceptance": {"kind": "constant"},
            },
            "budget": {
                "steps": 1, "prompts_per_step": ROLLOUTS, "rollouts_per_prompt": 2,
                "validate_every": 1, "validation_samples": 1, "checkpoint_every": 1,
            },
            "optimiser": {"learning_rate": 1e-6},
            "lengths": {"prompt": 64, "response": 512},
            "verl": {f"{rollout}.format": "hermes", f"{rollout}.max_parallel_calls": QUERIES},
        }
    )  # fmt: skip


def make_drives(base_url: str) -> tuple[dict[str, Drive], Callable[[], Awaitable[None]]]:
    """The ways to do the work of one rollout, by name, and what closes their connections."""
    from verl.experimental.agent_loop.agent_loop import DictConfigWrap, ToolListWrap
    from verl.experimental.agent_loop.tool_agent_loop import ToolAgentLoop
    from verl.utils.dataset.rl_dataset import RLHFDataset

    from eapo_verl.engine.agent_loop import PolicyAgentLoop
    from eapo_verl.engine.rollout_plan import rollout_plan

    endpoint = Endpoint(name="expert", base_url=base_url, model="expert", max_concurrency=ROLLOUTS * QUERIES)
    # A client each, as the pool has its own: connections that another has just used would be an advantage.
    client, the_tools = (ExpertClient(endpoint, ExpertPoolSettings().reply_max_bytes) for _ in range(2))
    plain = openai.AsyncOpenAI(base_url=base_url, api_key="none")
    tool = make_tool(the_tools)
    tokenizer = build_tokenizer()
    tokenizer.add_tokens([CALL_OPEN, CALL_CLOSE])
    # No engine is started; the CPU's overlay would work out one's memory from a model that there is not.
    config = compose(run_settings(endpoint), Path(), "gpu")
    OmegaConf.resolve(config)  # verl's task runner does, before it makes workers

    # A policy writes tokens; what makes them of the script's text is known from the first round on.
    encode = functools.cache(functools.partial(tokenizer.encode, add_special_tokens=False))

    async def roll_out(loop: Callable[..., Any], rollout: int, turns: list[str]) -> None:
        made = loop(
            trainer_config=DictConfigWrap(config),
            server_manager=ScriptedPolicy(encode, turns),
            tokenizer=tokenizer,
            processor=None,
            # A family that verl knows: of others it says so, for every rollout.
            hf_model_type="qwen3",
            dataset_cls=RLHFDataset,
            data_config=DictConfigWrap(config.data),
            tools=ToolListWrap([tool]),
        )
        output = await made.run(
            {"temperature": 1.0},
            global_steps=1,
            index=rollout,
            session_id=0,
            raw_prompt=[{"role": "user", "content": PROBLEM}],
            extra_info={"problem": PROBLEM, "task": "integers_bare"},
            transcribed=False,
            reward_model={"ground_truth": "626"},
        )
        seen = tokenizer.decode(output.response_ids)
        if seen.count(REPLY) != TURNS * QUERIES or not seen.endswith(ANSWER):
            raise RuntimeError(f"rollout {rollout} went wrong: {seen}")

    async def ours(rollout: int) -> None:
        turns = [f"<consult>{'|'.join(queries(rollout, turn))}</consult>" for turn in range(TURNS)]
        await roll_out(functools.partial(PolicyAgentLoop, consults=True, thresholds={1: None}), rollout, turns)

    async def verls(rollout: int) -> None:
        turns = ["".join(CALL_OPEN + query + CALL_CLOSE for query in queries(rollout, turn)) for turn in range(TURNS)]
        await roll_out(ToolAgentLoop, rollout, turns)

    async def through_client(query: str) -> str:
        return (await client.send(client.request(messages(query), seed=1))).reply.text

    async def through_openai(query: str) -> str | None:
        completion = await plain.chat.completions.create(
            model="expert", messages=messages(query), max_tokens=64, temperature=0.0, seed=1
        )
        return completion.choices[0].message.content

    async def alone(ask: Callable[[str], Awaitable[str | None]], rollout: int) -> None:
        for turn in range(TURNS):
            replies = await asyncio.gather(*(ask(query) for query in queries(rollout, turn)))
            if replies != [REPLY] * QUERIES:
                raise RuntimeError(f"rollout {rollout} went wrong: {replies}")

    async def close() -> None:
        await asyncio.gather(client.close(), the_tools.close(), plain.close())
        await rollout_plan(config.eapo.run, tokenizer, config.actor_rollout_ref.rollout.response_length).pool.close()

    drives: dict[str, Drive] = {
        OURS: ours,
        VERLS: verls,
        CLIENT: functools.partial(alone, through_client),
        OPENAI: functools.partial(alone, through_openai),
    }
    return drives, close


# Time.


def work(connection: Connection, base_url: str, rollouts: range) -> None:
    """A worker: told a name, does those rollouts at once and sends when it began and ended, and its CPU seconds."""
    drives, close = make_drives(base_url)

    async def all_at_once(drive: Drive) -> None:
        await asyncio.gather(*(drive(rollout) for rollout in rollouts))

    # As Ray's workers make theirs: uvloop's, unless RAY_USE_UVLOOP says otherwise.
    with asyncio.Runner(loop_factory=get_new_event_loop) as runner:
        for name in iter(connection.recv, None):
            begun, cpu = time.monotonic(), time.process_time()
            runner.run(all_at_once(drives[name]))
            connection.send((begun, time.monotonic(), time.process_time() - cpu))
        runner.run(close())


def measure(base_url: str, workers: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU seconds of each way, a pair a round, by name; every second round goes through them backwards."""
    context = multiprocessing.get_context("spawn")
    connections, processes = [], []
    for number in range(workers):
        mine, theirs = context.Pipe()
        rollouts = range(number, ROLLOUTS, workers)
        processes.append(context.Process(target=work, args=(theirs, base_url, rollouts), daemon=True))
        processes[-1].start()
        # The worker holds the only other end: where it fails, recv fails.
        theirs.close()
        connections.append(mine)

    def once(name: str) -> tuple[float, float]:
        for connection in connections:
            connection.send(name)
        begun, ended, cpu = zip(*(connection.recv() for connection in connections), strict=True)
        return max(ended) - min(begun), sum(cpu)

    names = [OURS, VERLS, CLIENT, OPENAI]
    for name in names:
        once(name)  # imports, first connections
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for number in range(rounds):
        for name in reversed(names) if number % 2 else names:
            seconds[name].append(once(name))
    for connection, process in zip(connections, processes, strict=True):
        connection.send(None)
        process.join()
    return seconds


def report(seconds: dict[str, list[tuple[float, float]]]) -> None:
    """Print medians, ranges and ratios."""
    wall = {name: [wall for wall, _ in pairs] for name, pairs in seconds.items()}
    middle = {name: statistics.median(values) for name, values in wall.items()}
    for name, values in wall.items():
        cpu = statistics.median(cpu for _, cpu in seconds[name])
        print(
            f"  {name:<22}{middle[name]:6.2f} s ({min(values):.2f} to {max(values):.2f}), {middle[name] / IDEAL_S:.2f}"
            f" of the ideal; CPU {cpu:.2f} s, {1000 * cpu / (ROLLOUTS * TURNS * QUERIES):.2f} ms a query"
        )
    for name in (VERLS, CLIENT):
        print(f"  {OURS} over {name}: {middle[OURS] / middle[name]:.2f}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="processes that share the rollouts")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if min(*arguments.workers, arguments.rounds) < 1:
        parser.error("--workers and --rounds have to be at least 1")
    with socket.create_server(("127.0.0.1", 0), backlog=ROLLOUTS * QUERIES) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        server = multiprocessing.get_context("spawn").Process(
            target=serve, args=(listener, ROLLOUTS * QUERIES), daemon=True
        )
        server.start()
        print(
            f"{ROLLOUTS} rollouts, {TURNS} turns, {QUERIES} queries at once, answered after {1000 * LATENCY_S:.0f} ms;"
            f" ideal {IDEAL_S:.2f} s; {os.cpu_count()} cores; median (range) of {arguments.rounds} rounds"
        )
        for workers in arguments.workers:
            print(f"{workers} worker{'s' if workers > 1 else ''}", flush=True)
            try:
                report(measure(base_url, workers, arguments.rounds))
            except EOFError:
                sys.exit("consultation: a worker failed, see above")
        server.terminate()


if __name__ == "__main__":
    main()
