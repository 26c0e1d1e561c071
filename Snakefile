# The whole comparison, from problems to report. An experiment is one YAML file (config/*.yaml), whose name is that of its
# folder under results/; `snakemake --cores all` runs config/default.yaml.
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir)))

from workflow.experiment import UNTRAINED, ExperimentError, load_experiment, run_settings

envvars:
    "PATH",

if not workflow.config_settings.configfiles:

    configfile: "config/default.yaml"


CONFIG_FILE = Path(workflow.configfiles[-1])
NAME = CONFIG_FILE.stem
RESULTS = Path("results") / NAME

try:
    EXPERIMENT = load_experiment(config, str(CONFIG_FILE))
except ExperimentError as error:
    sys.exit(f"experiment: {error}")
