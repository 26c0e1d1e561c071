"""Whether vLLM's own parser takes the arguments that an experiment gives it.

``python -m workflow.expert_service.arguments`` reads, as JSON, the words of each expert from stdin, and prints why
which are refused, by the expert, on its last line. A process of its own: vLLM takes seconds to import, and changes the
process that imports it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from workflow.expert_service.serving import Serving

_WITHIN_S = 300.0


def refused(servings: Mapping[str, Serving]) -> dict[str, str]:
    """Why vLLM would not take what is said of some experts, by the expert; nobody where it takes all of it.

    Where vLLM cannot be asked here, which a login node may be too poor for, that is said in the log: their servers will
    be the ones to say it.
    """
    asked = {name: one.words() for name, one in servings.items() if one.vllm or one.quantization}
    if not asked:
        return {}
    command = [sys.executable, "-m", "workflow.expert_service.arguments"]
    env = {**os.environ, "VLLM_LOGGING_LEVEL": "ERROR"}
    try:
        done = subprocess.run(
            command, input=json.dumps(asked), env=env, capture_output=True, text=True, timeout=_WITHIN_S
        )
        said: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        print(f"experts: vLLM's arguments are not checked here ({type(error).__name__})", file=sys.stderr, flush=True)
        return {}
    return said


def refusals(asked: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What :func:`refused` is told by the process that imports vLLM."""
    from vllm.entrypoints.openai.cli_args import make_arg_parser
    from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    class Parser(FlexibleArgumentParser):
        """One that says why, instead of ending the process."""

        def error(self, message: str) -> NoReturn:
            raise ValueError(message)

    parser = make_arg_parser(Parser(prog="vllm serve"))

    def refusal_of(words: Sequence[str]) -> str | None:
        for word in words:
            option = word.partition("=")[0].partition(".")[0]
            # argparse would take the beginning of a name, of one that is ours, too.
            if option.startswith("--") and option not in parser._option_string_actions:
                return f"vllm: {option.removeprefix('--')!r} is no argument of vllm serve"
        try:
            quantization = parser.parse_args(["model", *words]).quantization
        except ValueError as error:
            return f"vllm: {' '.join(str(error).split())}"
        if quantization is None or quantization in QUANTIZATION_METHODS:
            return None
        return f"quantization: {quantization!r} is none of vLLM's: {', '.join(QUANTIZATION_METHODS)}"

    return {name: said for name, words in asked.items() if (said := refusal_of(words)) is not None}


if __name__ == "__main__":
    print(json.dumps(refusals(json.load(sys.stdin))))
