"""One server of expert models for all runs of an experiment: started by the first that needs it, shared, then ended.

A run takes a *lease*, a lock that it holds while it lives, and finds the service by its folder; where none is running,
it starts one. The service ends with the workflow, or when nobody has held a lease for a while. Where runs are jobs of
Slurm's, so is the service, which they reach by its node's name and with a key; on another machine than the workflow's
else, a run has a service to itself, which ends with it.

Modules: ``serving`` (what an experiment says of how an expert is served), ``arguments`` (whether vLLM takes it),
``placement`` (which accelerators each server gets), ``state`` (what lies in the folder), ``servers`` (``vllm serve``,
one or more an expert), ``health`` (whether one answers as its model), ``service`` (watches them), ``lease`` (the runs'
side), ``slurm_job`` (the service as a job of a cluster's), ``__main__`` (the commands).
"""
