# The whole comparison, from problems to report. An experiment is one YAML file (config/*.yaml), whose name is that of its
# folder under results/; `snakemake --cores all` runs config/default.yaml, `--configfile` another one.
import sys
from pathlib import Path

if not workflow.modifier.is_main_snakefile():
    sys.exit(
        "experiment: this workflow is none of another's modules: run it by -s, in a folder of its own (--directory)"
    )

sys.path.insert(0, workflow.basedir)

from snakemake.settings.types import DeploymentMethod

from tasks import CannotGrade
from workflow.devices import share_out
from workflow.experiment import check_file, load_experiment, preflight_experts
from workflow.expert_service.placement import installed
from workflow.hub_preflight import preflight_hub
from workflow.methods import ExperimentError
from workflow.locks import InUse
from workflow.machine_size import at_once
from workflow.plan import Plan, code, one_of, spanning
from workflow.plan_data import DataPlan
from workflow.plan_models import ModelsPlan
from workflow.plan_sampling import SamplingPlan, task_code
from workflow.plan_shards import Asked, ShardPlan
from workflow.plan_solutions import SolutionsPlan
from workflow.problem_sets import preflight_tasks
from workflow.scheduler_signals import handle_sigterm_in_a_thread
from workflow.serving_preflight import preflight_serving
from workflow.session import Stray, Unusable, begin, limit_trainings, refuse_strays
from workflow.surroundings import check_surroundings, experiment_name, own_file, prepare_jobs
from workflow.tuning.plan import TuningPlan

try:
    refuse_strays(workflow)
except Stray as error:
    sys.exit(f"experiment: {error}")

handle_sigterm_in_a_thread()

if not workflow.config_settings.configfiles:
    # Snakemake would end with a traceback of what it cannot read.
    try:
        check_file(Path(own_file("config", "default.yaml")))
    except ExperimentError as error:
        sys.exit(f"experiment: {error}")

    configfile: own_file("config", "default.yaml")


CONFIG_FILE = Path(workflow.configfiles[-1])

ASKED = Asked.taken_from(config)

try:
    NAME = experiment_name(CONFIG_FILE)
    RESULTS = Path("results") / NAME
    for path in workflow.configfiles:
        check_file(Path(path))
    EXPERIMENT = load_experiment(config, str(CONFIG_FILE))
    PLAN = Plan(EXPERIMENT, NAME, RESULTS)
    SHARD = ShardPlan(EXPERIMENT, PLAN, ASKED)
except ExperimentError as error:
    sys.exit(f"experiment: {error}")

DATA = DataPlan(EXPERIMENT, RESULTS)
MODELS = ModelsPlan(EXPERIMENT)
SAMPLING = SamplingPlan(EXPERIMENT)
SOLUTIONS = SolutionsPlan(EXPERIMENT, PLAN)
try:
    TUNING = TuningPlan(EXPERIMENT, NAME, RESULTS)
except ExperimentError as error:
    sys.exit(f"experiment: {CONFIG_FILE}: {error}")


prepare_jobs(RESULTS)
EXPERIMENT.resources.experts().announce()
if EXPERIMENT.resources.has_accelerators:
    share_out(workflow, RESULTS / "services" / ".accelerators", at_once(PLAN, installed()))
limit_trainings(workflow, PLAN.training_slots(workflow.resource_settings.cores or 1))


# Before the first job, and not in a dry run.
onstart:
    try:
        check_surroundings(
            workflow,
            max(map(PLAN.nodes, PLAN.trained_arms), default=1),
            EXPERIMENT.resources.has_accelerators,
        )
        begin(workflow, RESULTS)
        preflight_tasks(DATA.tasks())
        preflight_experts(EXPERIMENT)
        preflight_hub(EXPERIMENT, PLAN, DATA)
        preflight_serving(EXPERIMENT, PLAN, workflow.local_exec)
    except (ExperimentError, InUse, Unusable, CannotGrade) as error:
        sys.exit(f"experiment: {CONFIG_FILE}: {error}")


# The linter wants an environment of every rule, and environment.yml is what these need; but conda alone does not make it.
if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method:
    sys.exit(
        "experiment: --sdm conda: not supported: make and activate the environment as environment.yml says, and run without"
    )


report: "workflow/report/workflow.rst"


wildcard_constraints:
    method=one_of(PLAN.arms),
    seed=one_of(map(str, sorted({0, *EXPERIMENT.seeds}))),
    benchmark=one_of(EXPERIMENT.benchmarks),


rule all:
    default_target: True
    input:
        RESULTS / "report.html",


include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/solutions.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/tuning.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/shard.smk"
