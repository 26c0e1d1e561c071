# Runs, made by the program of their arm's kind; those that consult the same experts share one service. Checkpoints lie outside every declared output:
# Snakemake removes the outputs of a job that failed, and a run goes on from its newest checkpoint.


rule settings:
    output:
        RESULTS / "settings" / "{method}.seed{seed}.yaml",
    log:
        RESULTS / "logs" / "settings.{method}.seed{seed}.log",
    benchmark:
        RESULTS / "benchmarks" / "settings.{method}.seed{seed}.tsv"
    conda:
        "../../environment.yml"
    params:
        settings=lambda wildcards: PLAN.settings(wildcards.method, wildcards.seed),
    shell:
        "printf '%s\\n' {params.settings:q} > {output} 2> {log}"


rule train:
    input:
        # Operation may change at any time: what a run is made again for is its identity, a parameter.
        settings=ancient(RESULTS / "settings" / "{method}.seed{seed}.yaml"),
        policy=lambda wildcards: PLAN.policy(wildcards.method),
        files=lambda wildcards: PLAN.run_files(wildcards.method),
        experts=lambda wildcards: PLAN.served_models(wildcards.method, "training"),
    output:
        run=RESULTS / "runs" / "{method}" / "seed{seed}" / "run.json",
        metrics=RESULTS / "runs" / "{method}" / "seed{seed}" / "metrics.jsonl",
        rollouts=RESULTS / "runs" / "{method}" / "seed{seed}" / "rollouts.jsonl.gz",
        model=directory(RESULTS / "runs" / "{method}" / "seed{seed}" / "model"),
    log:
        RESULTS / "logs" / "train.{method}.seed{seed}.log",
    benchmark:
        RESULTS / "benchmarks" / "train.{method}.seed{seed}.tsv"
    conda:
        "../../environment.yml"
    wildcard_constraints:
        method=one_of(PLAN.trained_arms),
    threads: EXPERIMENT.resources.training_threads
    resources:
        mem_mb=EXPERIMENT.resources.training_memory_mb,
        gpu=EXPERIMENT.resources.training_gpus,
        training_slots=1,
        runtime=EXPERIMENT.resources.minutes,
    params:
        identity=lambda wildcards: PLAN.identity(wildcards.method, wildcards.seed),
        program=lambda wildcards: PLAN.program(wildcards.method),
        run_dir=subpath(output.run, parent=True),
        checkpoint_dir=lambda wildcards: RESULTS / "checkpoints" / wildcards.method / f"seed{wildcards.seed}",
        lease=lambda wildcards: PLAN.lease(wildcards.method, wildcards.seed, "training"),
        experts=lambda wildcards, input: (
            f"--endpoints {PLAN.endpoints(wildcards.method, wildcards.seed, 'training')}" if input.experts else ""
        ),
    shell:
        "exec {params.lease}python -m workflow.logged {log} -- python -m {params.program} {input.settings} "
        "--run-dir {params.run_dir} --checkpoint-dir {params.checkpoint_dir} {params.experts}"
