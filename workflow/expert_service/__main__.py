"""Commands of the expert service.

``python -m workflow.expert_service lease --services DIR --endpoints FILE --log-dir DIR --expert NAME=FOLDER:LENGTH ...
-- COMMAND ...`` starts the experts where nobody has yet, writes where they are (or will be) into FILE, and becomes
COMMAND, which holds the lease; LENGTH is the longest context in tokens, and ``--serving NAME=JSON`` what else there is
to say of how an expert is served (:class:`~workflow.expert_service.serving.Serving`). ``wait [-- COMMAND ...]``, in the
environment of a lease, returns (or becomes COMMAND) when they answer. ``serve`` is what ``lease`` starts.
"""

import argparse
import dataclasses
import ipaddress
import json
import os
import sys
from pathlib import Path

from workflow.command import split_command
from workflow.expert_service.lease import PROCESS_VARIABLE, SERVICE_VARIABLE, take_lease, wait_until_up
from workflow.expert_service.placement import needed
from workflow.expert_service.servers import VLLM, ExpertModel
from workflow.expert_service.service import serve
from workflow.expert_service.serving import Serving
from workflow.expert_service.state import ServiceError
from workflow.processes import Identity


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workflow.expert_service", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serving, leasing = (commands.add_parser(name) for name in ("serve", "lease"))
    commands.add_parser("wait")
    for one in (serving, leasing):
        one.add_argument("--log-dir", type=Path, required=True)
        one.add_argument("--expert", type=ExpertModel.parse, action="append", required=True)
        one.add_argument("--serving", metavar="NAME=JSON", type=_parse_serving, action="append", default=[])
        one.add_argument("--host", help="name or address of this machine that servers listen on; loopback by default")
        one.add_argument("--key", action="store_true", help="want a key, as servers beyond loopback always do")
        one.add_argument("--threads", type=int, default=1, help="of each server, on a CPU")
        one.add_argument("--idle-s", type=float, default=300, help="the service ends that long after the last lease")
        one.add_argument(
            "--stall-s", type=float, default=120, help="a start fails after that long without any progress"
        )
        one.add_argument("--check-s", type=float, default=30, help="a server that answers is checked as often")
        one.add_argument("--vllm", type=Path, default=VLLM, help="the program")
    serving.add_argument("--folder", type=Path, required=True)
    serving.add_argument("--owner", type=Identity.parse, required=True)
    leasing.add_argument("--services", type=Path, required=True)
    leasing.add_argument("--endpoints", type=Path, required=True)
    return parser


def _parse_serving(text: str) -> tuple[str, dict]:
    """The expert, and what is said of it; raises ValueError for anything else."""
    name, _, said = text.partition("=")
    return name, json.loads(said)


def _models(arguments: argparse.Namespace) -> list[ExpertModel]:
    said = dict(arguments.serving)
    return [
        dataclasses.replace(one, serving=Serving(max_model_len=one.serving.max_model_len, **said.get(one.name, {})))
        for one in arguments.expert
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _run(arguments: argparse.Namespace, command: list[str]) -> int:
    if arguments.command == "wait":
        folder, process = (os.environ.get(name) for name in (SERVICE_VARIABLE, PROCESS_VARIABLE))
        if folder is None or process is None:
            raise ServiceError(f"wait needs a lease: {SERVICE_VARIABLE} and {PROCESS_VARIABLE} in the environment")
        wait_until_up(Path(folder), process)
    elif arguments.command == "lease":
        passed_on = [f"--expert={model}" for model in arguments.expert]
        passed_on += [f"--serving={name}={json.dumps(said)}" for name, said in arguments.serving]
        passed_on += [
            f"--{name.replace('_', '-')}={getattr(arguments, name)}"
            for name in ("threads", "idle_s", "stall_s", "check_s", "vllm")
        ]
        passed_on += [f"--host={arguments.host}"] if arguments.host is not None else []
        passed_on += ["--key"] if arguments.key else []
        accelerators = needed([model.serving for model in _models(arguments)])
        take_lease(arguments.services, arguments.endpoints, arguments.log_dir, passed_on, accelerators)
    else:
        host = arguments.host or "127.0.0.1"
        return serve(
            arguments.folder,
            arguments.owner,
            _models(arguments),
            host=host,
            keyed=arguments.key or not _is_loopback(host),
            threads=arguments.threads,
            log_dir=arguments.log_dir,
            program=arguments.vllm,
            idle_s=arguments.idle_s,
            stall_s=arguments.stall_s,
            check_s=arguments.check_s,
        )
    if command:
        sys.stdout.flush()
        os.execvp(command[0], command)
    return 0


def main() -> int:
    """Command line; returns the exit status."""
    ours, command = split_command(sys.argv[1:])
    parser = _parser()
    arguments = parser.parse_args(ours)
    try:
        return _run(arguments, command)
    except ServiceError as error:
        print(f"expert service: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
