# Training runs, which share one service of the experts that they consult. Checkpoints lie outside every declared output:
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
        settings=RESULTS / "settings" / "{method}.seed{seed}.yaml",
        policy=PLAN.model(EXPERIMENT.policy),
        data=[PLAN.data(name) for name in ("train", "validation")],
        experts=lambda wildcards: PLAN.served_models(wildcards.method),
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
    threads: EXPERIMENT.resources.training_threads
    resources:
        mem_mb=EXPERIMENT.resources.training_memory_mb,
        gpu=EXPERIMENT.resources.training_gpus,
        training_slots=1,
        runtime=EXPERIMENT.resources.minutes,
    params:
        run_dir=subpath(output.run, parent=True),
        checkpoint_dir=lambda wildcards: RESULTS / "checkpoints" / wildcards.method / f"seed{wildcards.seed}",
        lease=lambda wildcards: PLAN.lease(wildcards.method, wildcards.seed),
        experts=lambda wildcards, input: (
            f"--endpoints {PLAN.endpoints(wildcards.method, wildcards.seed)}" if input.experts else ""
        ),
    shell:
        "exec {params.lease}python -m workflow.logged {log} -- python -m eapo_verl.train {input.settings} "
        "--run-dir {params.run_dir} --checkpoint-dir {params.checkpoint_dir} {params.experts}"
