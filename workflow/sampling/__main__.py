"""Command line of the package. Bad input is one line ``sampling: …`` and status 2; no engine is imported."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from eapo_verl.settings.base import Text
from eapo_verl.settings.chat_template import ChatTemplateKwargs
from eapo_verl.settings.errors import one_line
from workflow.command import Parser, run_command
from workflow.sampling.questions import Benchmark, read_benchmark
from workflow.sampling.request import DTYPES, Request, SamplingError, check_model
from workflow.sampling.run import Job, run
from workflow.sampling.turns import read_turns


def parse(arguments: Sequence[str]) -> Job:
    """The checked job of a command line. Raises SamplingError for anything that is not allowed."""
    parser = Parser("workflow.sampling", __doc__, SamplingError)
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="Hugging Face checkpoint")
    parser.add_argument(
        "--benchmark", action="append", required=True, metavar="NAME=FILE", help="may be given several times"
    )
    parser.add_argument("--out-dir", type=Path, required=True, metavar="DIR")
    parser.add_argument("--samples", type=int, required=True, metavar="K", help="responses a question")
    parser.add_argument("--temperature", type=float, required=True, metavar="T")
    parser.add_argument("--top-p", type=float, required=True, metavar="P")
    parser.add_argument("--max-tokens", type=int, required=True, metavar="N", help="tokens a response")
    parser.add_argument("--max-model-len", type=int, required=True, metavar="L", help="tokens in all")
    parser.add_argument("--seed", type=int, required=True, metavar="S")
    parser.add_argument("--ban", action="append", default=[], metavar="STRING", help="not to be sampled; repeatable")
    parser.add_argument("--system-prompt", metavar="TEXT", help="before every question")
    parser.add_argument("--chat-template-kwargs", default="{}", metavar="JSON", help="what the template is told")
    parser.add_argument("--stop", default="[]", metavar="JSON", help="a list of strings with which a response ends")
    parser.add_argument("--dtype", default="auto", choices=DTYPES)
    parser.add_argument("--tensor-parallel", type=int, default=1, metavar="N")
    parser.add_argument("--gpu-memory-utilization", type=float, metavar="F", help="fraction of the device's memory")
    parser.add_argument("--procedure", metavar="JSON", help="how a response takes several turns: baselines.procedures")
    parser.add_argument("--replies", metavar="JSON", help="how experts are asked: baselines.procedure.Replies")
    parser.add_argument("--experts", metavar="JSON", help="a list of who is asked: workflow.sampling.turns.AskedExpert")
    parser.add_argument("--samples-of", metavar="JSON", help="provenance files by arm, which a procedure goes by")
    parser.add_argument("--endpoints", type=Path, metavar="FILE", help="addresses of served experts, by name")
    parser.add_argument("--only", choices=("draw", "write"), help="draw and keep, or write what is kept (no engine)")
    options = parser.parse_args(arguments)
    request = Request(
        model=options.model,
        samples=options.samples,
        temperature=options.temperature,
        top_p=options.top_p,
        max_tokens=options.max_tokens,
        max_model_len=options.max_model_len,
        seed=options.seed,
        banned=tuple(options.ban),
        system_prompt=options.system_prompt,
        chat_template_kwargs=_read("--chat-template-kwargs", ChatTemplateKwargs, options.chat_template_kwargs),
        stop=_read("--stop", tuple[Text, ...], options.stop),
        dtype=options.dtype,
        tensor_parallel=options.tensor_parallel,
        gpu_memory_utilization=options.gpu_memory_utilization,
        turns=read_turns(options.procedure, options.replies, options.experts, options.endpoints, options.samples_of),
    )
    benchmarks = _benchmarks(options.benchmark)
    check_model(request)
    if options.out_dir.exists() and not options.out_dir.is_dir():
        raise SamplingError(f"--out-dir {options.out_dir} is a file; it must be a folder or not exist yet")
    return Job(request, benchmarks, options.out_dir, draws=options.only != "write", writes=options.only != "draw")


def _read(option: str, kind: Any, text: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(json.loads(text))
    except ValueError as error:
        raise SamplingError(one_line(option, error)) from error


def _benchmarks(arguments: Sequence[str]) -> tuple[Benchmark, ...]:
    found: dict[str, Benchmark] = {}
    for argument in arguments:
        benchmark = read_benchmark(argument)
        if benchmark.name in found:
            raise SamplingError(f"--benchmark {benchmark.name} is given twice; each benchmark is allowed once")
        found[benchmark.name] = benchmark
    return tuple(found.values())


def main(arguments: Sequence[str]) -> None:
    """Runs the command line. Raises SamplingError for a job that cannot be carried out."""
    started = time.monotonic()
    run(parse(arguments), started)


if __name__ == "__main__":
    sys.exit(run_command("sampling", main))
