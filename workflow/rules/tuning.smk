# Tuning, `snakemake tune`: a run of each trial of each arm, and the rule file that says which one is chosen.


rule tuning_problems:
    input:
        problems=TUNING.drawn,
        others=TUNING.others,
    output:
        TUNING.problems,
    log:
        RESULTS / "logs" / "tuning" / "problems.log",
    benchmark:
        RESULTS / "timings" / "tuning" / "problems.tsv"
    conda:
        "../../environment.yml"
    params:
        others=lambda wildcards, input: [f"--apart-from={path}" for path in input.others],
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.tuning.problems {input.problems:q} "
        "{params.others:q} --out {output:q}"


# As any run, but for where it lies, and whose plan it is.
use rule train as tuning_train with:
    input:
        policy=lambda wildcards: TUNING.plan.policy(wildcards.method, wildcards.seed),
        files=lambda wildcards: TUNING.plan.run_files(wildcards.method, wildcards.seed),
        experts=lambda wildcards: TUNING.plan.served_models(wildcards.method, "training"),
        overlap=ancient(DATA.overlap()),
    output:
        run=TUNING.folder / "runs" / "{method}" / "seed{seed}" / "run.json",
        metrics=TUNING.folder / "runs" / "{method}" / "seed{seed}" / "metrics.jsonl",
        rollouts=TUNING.folder / "runs" / "{method}" / "seed{seed}" / "rollouts.jsonl.gz",
        model=directory(TUNING.folder / "runs" / "{method}" / "seed{seed}" / "model"),
    log:
        RESULTS / "logs" / "tuning" / "train.{method}.seed{seed}.log",
    benchmark:
        RESULTS / "timings" / "tuning" / "train.{method}.seed{seed}.tsv"
    wildcard_constraints:
        method=one_of(TUNING.arms),
        seed=one_of(map(str, TUNING.seeds)),
    params:
        identity=lambda wildcards: TUNING.plan.identity(wildcards.method, wildcards.seed),
        settings=lambda wildcards, output: TUNING.plan.settings(wildcards.method, wildcards.seed),
        settings_file=lambda wildcards: TUNING.plan.settings_file(wildcards.method, wildcards.seed),
        program=lambda wildcards: TUNING.plan.program(wildcards.method),
        checkpoint_dir=lambda wildcards: TUNING.folder / "checkpoints" / wildcards.method / f"seed{wildcards.seed}",
        lease=lambda wildcards: TUNING.plan.lease(wildcards.method, wildcards.seed, "training"),
        experts=lambda wildcards, input: (
            (
                ["--endpoints", TUNING.plan.endpoints(wildcards.method, wildcards.seed, "training")]
                if input.experts
                else []
            )
            + TUNING.plan.nodes_option(wildcards.method)
        ),


rule tune:
    input:
        runs=lambda wildcards: TUNING.runs(),
        problems=TUNING.problems,
    output:
        TUNING.rule_file,
    log:
        RESULTS / "logs" / "tuning" / "tune.log",
    benchmark:
        RESULTS / "timings" / "tuning" / "tune.tsv"
    conda:
        "../../environment.yml"
    params:
        settings=lambda wildcards: TUNING.settings(),
        settings_file=RESULTS / "settings" / "tuning.yaml",
    shell:
        'mkdir -p "$(dirname {params.settings_file:q})" && '
        "printf '%s\\n' {params.settings:q} > {params.settings_file:q} && "
        "exec python -m workflow.logged --fork start {log:q} -- python -m workflow.tuning {params.settings_file:q} "
        "--problems {input.problems:q} --out {output:q}"
