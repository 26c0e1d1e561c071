# Runs, made by the program of their arm's kind; those that consult the same experts share one service. Checkpoints lie
# outside every declared output: Snakemake removes the outputs of a job that failed, and a run goes on from its newest
# checkpoint.


rule train:
    input:
        policy=lambda wildcards: PLAN.policy(wildcards.method, wildcards.seed),
        files=lambda wildcards: PLAN.run_files(wildcards.method, wildcards.seed),
        experts=lambda wildcards: PLAN.served_models(wildcards.method, "training"),
        # Only before it: one more benchmark is no reason to train again.
        overlap=ancient(DATA.overlap()),
    output:
        run=RESULTS / "runs" / "{method}" / "seed{seed}" / "run.json",
        metrics=RESULTS / "runs" / "{method}" / "seed{seed}" / "metrics.jsonl",
        rollouts=RESULTS / "runs" / "{method}" / "seed{seed}" / "rollouts.jsonl.gz",
        model=directory(RESULTS / "runs" / "{method}" / "seed{seed}" / "model"),
    log:
        RESULTS / "logs" / "train.{method}.seed{seed}.log",
    benchmark:
        RESULTS / "timings" / "train.{method}.seed{seed}.tsv"
    wildcard_constraints:
        method=one_of(PLAN.trained_arms),
    conda:
        "../../environment.yml"
    threads: EXPERIMENT.resources.training_threads
    resources:
        mem_mb=EXPERIMENT.resources.training_memory_mb,
        gpu=spanning("gpu", PLAN, TUNING.plan),
        # Of a run on several machines.
        nodes=spanning("nodes", PLAN, TUNING.plan),
        tasks=spanning("tasks", PLAN, TUNING.plan),
        mpi=spanning("mpi", PLAN, TUNING.plan),
        cpus_per_task=spanning("cpus_per_task", PLAN, TUNING.plan),
        gres=spanning("gres", PLAN, TUNING.plan),
        tasks_per_gpu=spanning("tasks_per_gpu", PLAN, TUNING.plan),
        training_slots=1,
        runtime=EXPERIMENT.resources.minutes,
    params:
        identity=lambda wildcards: PLAN.identity(wildcards.method, wildcards.seed),
        # Asks for the output in order to count as derived from it: Snakemake compares it with no earlier run's, so that
        # how a run is made (deadlines, threads) may change without making it again. What it is, its identity says.
        settings=lambda wildcards, output: PLAN.settings(wildcards.method, wildcards.seed),
        settings_file=lambda wildcards: PLAN.settings_file(wildcards.method, wildcards.seed),
        program=lambda wildcards: PLAN.program(wildcards.method),
        run_dir=subpath(output.run, parent=True),
        checkpoint_dir=lambda wildcards: RESULTS / "checkpoints" / wildcards.method / f"seed{wildcards.seed}",
        lease=lambda wildcards: PLAN.lease(wildcards.method, wildcards.seed, "training"),
        # Where experts are, and on how many machines it is: how a run is made.
        experts=lambda wildcards, input: (
            (["--endpoints", PLAN.endpoints(wildcards.method, wildcards.seed, "training")] if input.experts else [])
            + PLAN.nodes_option(wildcards.method)
        ),
    shell:
        'mkdir -p "$(dirname {params.settings_file:q})" && '
        "printf '%s\\n' {params.settings:q} > {params.settings_file:q} && "
        "exec {params.lease:q} python -m workflow.logged --fork start {log:q} -- python -m {params.program:q} "
        "{params.settings_file:q} --run-dir {params.run_dir:q} --checkpoint-dir {params.checkpoint_dir:q} "
        "{params.experts:q}"
