"""Hyperparameters by one rule for all arms (``docs/tuning.md``).

Each trained arm has a grid beside its ``method.yaml``, of the same number of trials. ``snakemake tune`` makes a run of
each trial and seed of tuning, validated on problems of no other set, and writes a rule file: the trials of each
arm, what they scored, and which one is chosen. An experiment that names the file takes over what was chosen.
"""
