# Problem sets: generated, or fetched and normalised.


rule embedded_problems:
    output:
        [PLAN.data(name) for name in PLAN.embedded_sets],
    log:
        RESULTS / "logs" / "embedded_problems.log",
    benchmark:
        RESULTS / "benchmarks" / "embedded_problems.tsv"
    conda:
        "../../environment.yml"
    params:
        sets=[f"--set {name}={size}:{seed}" for name, (size, seed) in PLAN.embedded_sets.items()],
        folder=RESULTS / "data",
    shell:
        "exec python -m workflow.logged {log} -- python -m workflow.embedded.problems {params.sets} "
        "--out-dir {params.folder}"


rule word_problems:
    input:
        # Each set excludes the problems of those before it.
        lambda wildcards: [
            PLAN.data(name) for name in PLAN.word_problem_sets[: PLAN.word_problem_sets.index(wildcards.set)]
        ],
    output:
        RESULTS / "data" / "{set}.jsonl",
    log:
        RESULTS / "logs" / "word_problems.{set}.log",
    benchmark:
        RESULTS / "benchmarks" / "word_problems.{set}.tsv"
    wildcard_constraints:
        set=one_of(PLAN.word_problem_sets),
    conda:
        "../../environment.yml"
    params:
        size=lambda wildcards: PLAN.problem_set(wildcards.set).size,
        seed=lambda wildcards: PLAN.problem_set(wildcards.set).seed,
        exclude=lambda wildcards, input: f"--exclude {input}" if input else "",
    shell:
        "exec python -m workflow.logged {log} -- python -m workflow.sources.word_problems --n {params.size} "
        "--seed {params.seed} {params.exclude} --out {output}"


rule fetched_problems:
    input:
        lambda wildcards: PLAN.fetched_sets[wildcards.set] or [],
    output:
        RESULTS / "data" / "{set}.jsonl",
    log:
        RESULTS / "logs" / "fetched_problems.{set}.log",
    benchmark:
        RESULTS / "benchmarks" / "fetched_problems.{set}.tsv"
    wildcard_constraints:
        set=one_of(PLAN.fetched_sets),
    conda:
        "../../environment.yml"
    params:
        path=lambda wildcards, input: f"--path {input}" if input else "",
    shell:
        "exec python -m workflow.logged {log} -- python -m workflow.sources.benchmarks --name {wildcards.set} "
        "{params.path} --out {output}"
