"""Command line of the package. Bad input, and an expert that is gone, is one line ``solutions: …`` and status 2."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from eapo_verl.experts.api_keys import read_headers
from eapo_verl.experts.preflight import ExpertsUnreachable, preflight
from eapo_verl.record.contents import model_digest
from eapo_verl.record.solutions import write_solutions
from eapo_verl.settings.errors import one_line
from workflow.command import BadInput, Parser, run_command
from workflow.solutions.asking import ask
from workflow.solutions.problems import choose, read_questions
from workflow.solutions.provenance import provenance
from workflow.solutions.settings import JobSettings
from workflow.solutions.verdicts import select


def load(path: Path, endpoints: Path | None) -> JobSettings:
    """Read and check a job's settings.

    Args:
        path: YAML.
        endpoints: JSON with base_url and model, by name, of experts that were started for this job.

    Raises:
        BadInput: the file is malformed, the expert's key is missing, or it cannot be asked.
    """
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
        started = json.loads(endpoints.read_text(encoding="utf-8")) if endpoints is not None else {}
        fields["expert"] |= started.get(fields["expert"]["name"], {})
        job = JobSettings(**fields)
        read_headers(job.expert)
        preflight([job.endpoint])
    except ExpertsUnreachable as error:
        raise BadInput(str(error)) from error
    except (OSError, TypeError, KeyError, ValueError, yaml.YAMLError) as error:
        raise BadInput(one_line(str(path), error)) from error
    return job


def main(arguments: Sequence[str]) -> None:
    """Runs the command line. Raises BadInput for a job that cannot be carried out."""
    started = time.monotonic()
    parser = Parser("workflow.solutions", __doc__)
    parser.add_argument("settings", type=Path, help="YAML")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="solutions, a line each")
    parser.add_argument("--journal", type=Path, required=True, metavar="DIR", help="replies, kept beside the outputs")
    parser.add_argument("--endpoints", type=Path, metavar="FILE", help="where served experts are")
    options = parser.parse_args(arguments)
    job = load(options.settings, options.endpoints)
    asked = job.solutions
    questions = read_questions(job.problems_file)
    if asked.problems is not None:
        questions = choose(questions, asked.problems, asked.seed)
    digest = model_digest(job.model) if job.model is not None else None
    # A served model is named as its expert, whatever it is.
    journal = options.journal / (job.expert.name if digest is None else f"{job.expert.name}-{digest[:12]}")
    try:
        samples = ask(job, questions, journal)
        kept, fates = select(samples, job.expert.name, job.tags, asked.per_problem)
        record = provenance(job, digest, samples, kept, fates, time.monotonic() - started)
        write_solutions(options.out, kept, record)
    except OSError as error:
        raise BadInput(f"cannot write {error.filename}: {error.strerror}") from error
    counts = ", ".join(f"{name} {count}" for name, count in fates.items())
    line = f"{job.expert.name} solved {record['solved']} of {len(questions)} problems; samples: {counts}"
    print(f"solutions: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run_command("solutions", main))
