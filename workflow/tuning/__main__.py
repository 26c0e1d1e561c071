"""Command line of the package, which writes the rule file; bad input is one line ``tune: …`` and status 2."""

import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from eapo_verl.record.files import write_whole
from eapo_verl.settings.errors import one_line
from workflow.command import BadInput, Parser, run_command
from workflow.logged import PROGRESS
from workflow.methods import leaves
from workflow.tuning.evidence import Job, rule_file, text
from workflow.tuning.problems import read_texts


def main(arguments: Sequence[str]) -> None:
    """Runs the command line. Raises BadInput for runs that cannot be compared."""
    parser = Parser("workflow.tuning", __doc__)
    parser.add_argument("settings", type=Path, help="YAML")
    parser.add_argument("--problems", type=Path, required=True, metavar="FILE", help="that the trials were scored on")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the rule file, YAML")
    options = parser.parse_args(arguments)
    try:
        job = Job.model_validate(yaml.safe_load(options.settings.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadInput(one_line(str(options.settings), error)) from error
    rule = rule_file(job, len(read_texts(options.problems)))
    try:
        write_whole(options.out, text(rule))
    except OSError as error:
        raise BadInput(f"argument --out: cannot write {options.out}: {error.strerror}") from error
    for name, arm in rule.arms.items():
        trial = arm.trials[arm.chosen - 1]
        said = ", ".join(f"{key} {value}" for key, value in leaves(trial.changes)) or "the arm as it is"
        scores = ", ".join(f"{one.score:.3f}" for one in arm.trials)
        print(f"{PROGRESS}tune: {name}: trial {arm.chosen} of {len(arm.trials)} ({said}); scores {scores}")
    print(f"{PROGRESS}tune: {options.out} is written; keep a copy in config/tuned/ and name it as tuned", flush=True)


if __name__ == "__main__":
    sys.exit(run_command("tune", main))
