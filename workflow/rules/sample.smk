# Samples of every arm on every benchmark, without experts unless its kind says otherwise; then grades, then counts.

SAMPLES = RESULTS / "samples" / "{method}" / "seed{seed}"


# Says what is asked of a model on one benchmark. Every reason to sample again is a reason to write this file again.
rule request:
    input:
        model=lambda wildcards: PLAN.scored_model(wildcards.method, wildcards.seed),
        problems=RESULTS / "data" / "{benchmark}.jsonl",
        tasks=lambda wildcards: task_code(*DATA.tasks(wildcards.benchmark)),
        experts=lambda wildcards: PLAN.served_models(wildcards.method, "evaluation"),
        others=lambda wildcards: PLAN.samples_read(wildcards.method),
    output:
        SAMPLES / ".drawn" / "{benchmark}.request",
    log:
        RESULTS / "logs" / "request.{method}.seed{seed}.{benchmark}.log",
    benchmark:
        RESULTS / "timings" / "request.{method}.seed{seed}.{benchmark}.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        identity=lambda wildcards: (
            SAMPLING.identity(wildcards.method, wildcards.seed) + SAMPLING.conditions(wildcards.method)
        ),
    shell:
        "printf '%s\\n' {params.identity:q} > {output:q} 2> {log:q}"


# Starts an engine once for all benchmarks of an arm. What it draws it keeps in a store of its own, which outlives reruns,
# each benchmark apart from the others: whatever is there already for the same model, prompts and sampling is not drawn
# again, and where all of it is, no engine is started.
rule draw:
    input:
        model=lambda wildcards: PLAN.scored_model(wildcards.method, wildcards.seed),
        problems=[DATA.file(name) for name in DATA.benchmarks],
        requests=[SAMPLES / ".drawn" / f"{name}.request" for name in DATA.benchmarks],
        experts=lambda wildcards: PLAN.served_models(wildcards.method, "evaluation"),
    output:
        drawn=touch(SAMPLES / ".drawn" / "all"),
    log:
        RESULTS / "logs" / "draw.{method}.seed{seed}.log",
    benchmark:
        RESULTS / "timings" / "draw.{method}.seed{seed}.tsv"
    conda:
        "../../environment.yml"
    threads: EXPERIMENT.resources.sampling_threads
    resources:
        mem_mb=EXPERIMENT.resources.sampling_memory_mb,
        gpu=EXPERIMENT.resources.sampling_gpus,
        # Slurm would gather accelerators from several, of which the job sees one's.
        nodes=1,
        runtime=EXPERIMENT.resources.minutes,
    params:
        benchmarks=[f"--benchmark={name}={DATA.file(name)}" for name in DATA.benchmarks],
        folder=subpath(output.drawn, ancestor=2),
        identity=lambda wildcards: SAMPLING.identity(wildcards.method, wildcards.seed),
        # Functions of input: Snakemake does not run a job again where their values change.
        operation=lambda wildcards, input: SAMPLING.operation() + PLAN.sampler_options(wildcards.method),
        lease=lambda wildcards, input: PLAN.lease(wildcards.method, wildcards.seed, "evaluation"),
        experts=lambda wildcards, input: (
            ["--endpoints", PLAN.endpoints(wildcards.method, wildcards.seed, "evaluation")] if input.experts else []
        ),
        sampler=lambda wildcards: PLAN.sampler(wildcards.method),
    shell:
        "exec {params.lease:q} python -m workflow.logged --fork start {log:q} -- python -m {params.sampler:q} "
        "--only draw --model={input.model:q} {params.benchmarks:q} --out-dir {params.folder:q} {params.identity:q} "
        "{params.operation:q} {params.experts:q}"


# Takes a benchmark's samples out of the store, in a second. That something was drawn for another benchmark is no reason to
# (ancient); beyond that Snakemake asks, where that job runs, for no reason but jobs that run: hence the request.
rule sample:
    input:
        model=lambda wildcards: PLAN.scored_model(wildcards.method, wildcards.seed),
        problems=RESULTS / "data" / "{benchmark}.jsonl",
        request=SAMPLES / ".drawn" / "{benchmark}.request",
        drawn=ancient(SAMPLES / ".drawn" / "all"),
        experts=lambda wildcards: PLAN.served_models(wildcards.method, "evaluation"),
    output:
        samples=SAMPLES / "{benchmark}.jsonl",
        provenance=SAMPLES / "{benchmark}.provenance.json",
    log:
        RESULTS / "logs" / "sample.{method}.seed{seed}.{benchmark}.log",
    benchmark:
        RESULTS / "timings" / "sample.{method}.seed{seed}.{benchmark}.tsv"
    conda:
        "../../environment.yml"
    params:
        folder=subpath(output.samples, parent=True),
        identity=lambda wildcards: SAMPLING.identity(wildcards.method, wildcards.seed),
        operation=lambda wildcards, input: SAMPLING.operation() + PLAN.sampler_options(wildcards.method),
        sampler=lambda wildcards: PLAN.sampler(wildcards.method),
    shell:
        "exec python -m workflow.logged --fork join {log:q} -- python -m {params.sampler:q} --only write "
        "--model={input.model:q} --benchmark={wildcards.benchmark:q}={input.problems:q} --out-dir {params.folder:q} {params.identity:q} "
        "{params.operation:q}"


rule grade:
    input:
        samples=SAMPLES / "{benchmark}.jsonl",
        problems=RESULTS / "data" / "{benchmark}.jsonl",
        tasks=sorted(map(str, Path(own_file("tasks")).rglob("*.py"))),
        code=code("intake"),
    output:
        RESULTS / "grades" / "{method}" / "seed{seed}" / "{benchmark}.parquet",
    log:
        RESULTS / "logs" / "grade.{method}.seed{seed}.{benchmark}.log",
    benchmark:
        RESULTS / "timings" / "grade.{method}.seed{seed}.{benchmark}.tsv"
    conda:
        "../../environment.yml"
    params:
        samples=EXPERIMENT.evaluation.samples,
    shell:
        "exec python -m workflow.logged --fork join {log:q} -- python -m analysis grade --samples {input.samples:q} "
        "--problems {input.problems:q} --k {params.samples:q} --out {output:q}"


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
        RESULTS / "timings" / "scores.tsv"
    conda:
        "../../environment.yml"
    params:
        folder=RESULTS / "grades",
        cells=[f"{method}:{seed}:{name}" for method, seed in PLAN.cells for name in EXPERIMENT.benchmarks],
    shell:
        "exec python -m workflow.logged --fork join {log:q} -- python -m analysis scores "
        "--grades-dir {params.folder:q} --cells {params.cells:q} --out {output:q}"
