"""Command line of the package. Bad input is one line ``scoring: …`` and status 2; no engine is imported."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from workflow.sampling.request import DTYPES, Request, ScoringError, check_model, read_benchmark


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ScoringError(message)


def parse(arguments: Sequence[str]) -> Request:
    """The checked request of a command line. Raises ScoringError for anything that is not allowed."""
    parser = _Parser(prog="scoring", description=__doc__, allow_abbrev=False)
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
    parser.add_argument("--instruction", metavar="TEXT", help="replaces the benchmarks' closing instruction")
    parser.add_argument("--dtype", default="auto", choices=DTYPES)
    parser.add_argument("--tensor-parallel", type=int, default=1, metavar="N")
    parser.add_argument("--gpu-memory-utilization", type=float, metavar="F", help="fraction of the device's memory")
    options = parser.parse_args(arguments)
    request = Request(
        model=options.model,
        benchmarks=tuple(read_benchmark(argument) for argument in options.benchmark),
        out_dir=options.out_dir,
        samples=options.samples,
        temperature=options.temperature,
        top_p=options.top_p,
        max_tokens=options.max_tokens,
        max_model_len=options.max_model_len,
        seed=options.seed,
        banned=tuple(options.ban),
        instruction=options.instruction,
        dtype=options.dtype,
        tensor_parallel=options.tensor_parallel,
        gpu_memory_utilization=options.gpu_memory_utilization,
    )
    check_model(request.model, request.max_model_len)
    if request.out_dir.exists() and not request.out_dir.is_dir():
        raise ScoringError(f"--out-dir {request.out_dir} is a file; it must be a folder or not exist yet")
    return request


def main(arguments: Sequence[str]) -> int:
    """Runs the command line; the process's exit status: 0, or 2 for a request that cannot be carried out."""
    started = time.monotonic()
    try:
        request = parse(arguments)
        from workflow.sampling.run import run

        run(request, started)
    except ScoringError as error:
        print(f"scoring: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
