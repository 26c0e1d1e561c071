# Samples of every model on every benchmark, consultation locked off; then grades, then counts.


rule sample:
    input:
        model=lambda wildcards: PLAN.scored_model(wildcards.method, wildcards.seed),
        problems=[PLAN.data(name) for name in EXPERIMENT.benchmarks],
        tasks="analysis/benchmarks",
    output:
        samples=[RESULTS / "samples" / "{method}" / "seed{seed}" / f"{name}.jsonl" for name in EXPERIMENT.benchmarks],
        provenance=RESULTS / "samples" / "{method}" / "seed{seed}" / "provenance.json",
    log:
        RESULTS / "logs" / "sample.{method}.seed{seed}.log",
    benchmark:
        RESULTS / "benchmarks" / "sample.{method}.seed{seed}.tsv"
    conda:
        "../../environment.yml"
    threads: EXPERIMENT.resources.sampling_threads
    resources:
        mem_mb=EXPERIMENT.resources.sampling_memory_mb,
        gpu=EXPERIMENT.resources.sampling_gpus,
        runtime=EXPERIMENT.resources.minutes,
    params:
        benchmarks=[f"--benchmark {name}={PLAN.data(name)}" for name in EXPERIMENT.benchmarks],
        folder=subpath(output.provenance, parent=True),
        sampling=lambda wildcards: PLAN.sampling_arguments(wildcards.method, wildcards.seed),
    shell:
        "exec python -m workflow.logged {log} -- python -m workflow.sampling --model {input.model} {params.benchmarks} "
        "--out-dir {params.folder} {params.sampling}"


rule grade:
    input:
        samples=RESULTS / "samples" / "{method}" / "seed{seed}" / "{benchmark}.jsonl",
        problems=RESULTS / "data" / "{benchmark}.jsonl",
        code=code("intake"),
    output:
        RESULTS / "grades" / "{method}" / "seed{seed}" / "{benchmark}.parquet",
    log:
        RESULTS / "logs" / "grade.{method}.seed{seed}.{benchmark}.log",
    benchmark:
        RESULTS / "benchmarks" / "grade.{method}.seed{seed}.{benchmark}.tsv"
    conda:
        "../../environment.yml"
    params:
        samples=EXPERIMENT.evaluation.samples,
    shell:
        "exec python -m workflow.logged {log} -- python -m analysis grade --samples {input.samples} "
        "--problems {input.problems} --k {params.samples} --out {output}"


rule scores:
    input:
        grades=[
            RESULTS / "grades" / method / f"seed{seed}" / f"{name}.parquet"
            for method, seed in PLAN.cells
            for name in EXPERIMENT.benchmarks
        ],
        code=code("intake", "statistics"),
    output:
        RESULTS / "scores.parquet",
    log:
        RESULTS / "logs" / "scores.log",
    benchmark:
        RESULTS / "benchmarks" / "scores.tsv"
    conda:
        "../../environment.yml"
    params:
        folder=RESULTS / "grades",
        cells=[f"{method}:{seed}:{name}" for method, seed in PLAN.cells for name in EXPERIMENT.benchmarks],
    shell:
        "exec python -m workflow.logged {log} -- python -m analysis scores --grades-dir {params.folder} "
        "--cells {params.cells} --out {output}"
