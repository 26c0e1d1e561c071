# Training runs, each with the experts that it consults. Checkpoints lie outside every declared output: Snakemake removes
# the outputs of a job that failed, and a run goes on from its newest checkpoint.


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


rule expert_service:
    input:
        models=[PLAN.model(expert.serve) for expert in EXPERIMENT.served_experts()],
    output:
        service(RESULTS / "services" / "{method}.seed{seed}.json"),
    log:
        RESULTS / "logs" / "expert_service.{method}.seed{seed}.log",
    conda:
        "../../environment.yml"
    # Runs beside its consumer, whose threads it shares: it is busy while the trainer waits for it.
    threads: 0
    params:
        experts=PLAN.expert_arguments(),
        log_dir=lambda wildcards: RESULTS / "logs" / f"experts.{wildcards.method}.seed{wildcards.seed}",
    shell:
        # Snakemake gives a service five seconds to make its file, and hangs where it takes longer.
        "echo '{{}}' > {output}; exec python -m workflow.expert_service serve {params.experts} --endpoints {output} --log-dir {params.log_dir} 2> {log}"


rule train:
    input:
        settings=RESULTS / "settings" / "{method}.seed{seed}.yaml",
        policy=PLAN.model(EXPERIMENT.policy),
        data=[PLAN.data(name) for name in ("train", "validation")],
        experts=lambda wildcards: PLAN.services(wildcards.method, wildcards.seed),
    output:
        run=RESULTS / "runs" / "{method}" / "seed{seed}" / "run.json",
        metrics=RESULTS / "runs" / "{method}" / "seed{seed}" / "metrics.jsonl",
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
        runtime=EXPERIMENT.resources.minutes,
    params:
        run_dir=subpath(output.run, parent=True),
        checkpoint_dir=lambda wildcards: RESULTS / "checkpoints" / wildcards.method / f"seed{wildcards.seed}",
        experts=lambda wildcards, input: f"--endpoints {input.experts}" if input.experts else "",
        wait=lambda wildcards, input: (
            f"python -m workflow.expert_service wait --endpoints {input.experts} "
            f"--startup-s {EXPERIMENT.resources.expert_startup_s} && "
            if input.experts
            else ""
        ),
    shell:
        "{params.wait}exec python -m workflow.logged {log} -- python -m eapo_verl.train {input.settings} "
        "--run-dir {params.run_dir} --checkpoint-dir {params.checkpoint_dir} {params.experts}"
