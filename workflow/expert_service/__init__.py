"""One server of expert models for all runs of an experiment: started by the first that needs it, shared, then ended.

A run takes a *lease*, a lock that it holds while it lives, and finds the service by its folder; where none is running,
it starts one. The service ends with the workflow, or when nobody has held a lease for a while. Where runs are jobs of
Slurm's, so is the service, which they reach by its node's name and with a key; on another machine than the workflow's
else, a run has a service to itself, which ends with it.

Modules: ``state`` (what lies in the folder), ``servers`` (one ``vllm serve`` an expert), ``service`` (watches them),
``lease`` (the runs' side), ``slurm_job`` (the service as a job of a cluster's), ``__main__`` (the commands).
"""
