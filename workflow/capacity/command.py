"""The command line of a capacity plan; ``python -m workflow plan --help``."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from eapo_verl.settings.errors import one_line
from workflow.capacity.machine import Machine
from workflow.capacity.plan import assumed_for, plan_of
from workflow.capacity.show import shown
from workflow.capacity.tokens import Assumed
from workflow.command import BadInput, Parser
from workflow.documents import read_document
from workflow.experiment import Experiment, load_experiment
from workflow.experiment_files import count_problems
from workflow.methods import ExperimentError
from workflow.problem_sets import Public
from workflow.runs import problems_file
from workflow.sources.benchmarks import REGISTRY
from workflow.surroundings import experiment_name


def plan(arguments: Sequence[str]) -> None:
    """Prints the plan of an experiment. Raises BadInput, after that, where the machines do not hold it."""
    parser = Parser("workflow plan", __doc__)
    parser.add_argument("config", type=Path, help="the experiment's file")
    parser.add_argument("--gpu-memory", type=float, metavar="GB", help="of one accelerator")
    parser.add_argument("--gpus", type=int, metavar="N", help="of all roles together")
    parser.add_argument("--node", type=int, metavar="N", help="accelerators of a node")
    parser.add_argument("--training", metavar="LOW:HIGH", help="TFLOP/s of one accelerator")
    parser.add_argument("--generation", metavar="LOW:HIGH", help="10^12 parameters times tokens a second, of one")
    parser.add_argument("--price", type=float, metavar="P", help="of an hour of one accelerator")
    parser.add_argument("--assume", action="append", default=[], metavar="KEY=VALUE", help="repeatable")
    parser.add_argument("--questions", action="append", default=[], metavar="BENCHMARK=N", help="repeatable")
    options = parser.parse_args(arguments)
    try:
        experiment = load_experiment(read_document(options.config), str(options.config))
        results = Path("results") / experiment_name(options.config)
        given = {
            key: value
            for key in ("gpu_memory", "gpus", "node", "training", "generation", "price")
            if (value := getattr(options, key)) is not None
        }
        given |= {key: given[key].split(":") for key in ("training", "generation") if key in given}
        machine = Machine.model_validate(given)
        assumed = Assumed.model_validate(assumed_for(experiment).model_dump() | _pairs("--assume", options.assume))
    except ExperimentError as error:
        raise BadInput(str(error)) from error
    except ValidationError as error:
        raise BadInput(one_line("plan", error)) from error
    except (OSError, ValueError) as error:
        raise BadInput(one_line(str(options.config), error)) from error
    _check_assumed(experiment, assumed)
    questions = _questions(experiment, results, _pairs("--questions", options.questions))
    made = plan_of(experiment, results, machine, assumed, questions)
    print(shown(made), flush=True)
    if made.misfits:
        raise BadInput(f"{options.config} does not fit: {'; '.join(made.misfits)}")


def _pairs(option: str, texts: Sequence[str]) -> dict[str, float]:
    """What was given as KEY=VALUE. Raises BadInput."""
    found = {}
    for text in texts:
        key, sign, value = text.partition("=")
        try:
            found[key] = float(value)
        except ValueError:
            sign = ""
        if not (key and sign):
            raise BadInput(f"{option} {text!r}: it must be KEY=NUMBER")
    return found


def _check_assumed(experiment: Experiment, assumed: Assumed) -> None:
    """No mean is above the experiment's own limit, by which memory goes. Raises BadInput."""
    for key, most in experiment.training.lengths.model_dump().items():
        if (said := getattr(assumed, key)) > most:
            raise BadInput(f"--assume {key}={said:g}: allowed are at most {most} tokens (training.lengths.{key})")


def _questions(experiment: Experiment, results: Path, said: Mapping[str, float]) -> dict[str, int]:
    """How many questions each benchmark has. Raises BadInput where that is not known yet."""
    counted = count_problems(experiment)
    found: dict[str, int] = {}
    for name, number in said.items():
        if name not in experiment.benchmarks or number < 1 or number % 1:
            allowed = f"allowed are 1, 2, … of {', '.join(experiment.benchmarks)}"
            raise BadInput(f"--questions {name}={number:g}: {allowed}")
    for name, one in experiment.benchmarks.items():
        made = problems_file(results, name)
        if name in said:
            found[name] = int(said[name])
        elif f"benchmarks.{name}" in counted:
            found[name] = counted[f"benchmarks.{name}"]
        elif isinstance(one, Public):
            found[name] = len(REGISTRY[name].ids)
        elif made.is_file():
            found[name] = len(made.read_text(encoding="utf-8").splitlines())
        else:
            raise BadInput(f"benchmarks.{name}: it is not downloaded: --questions {name}=N says how many it has")
    return found
