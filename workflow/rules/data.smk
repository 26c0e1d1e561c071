# Problem sets: generated, or fetched and normalised.


rule embedded_problems:
    input:
        # Each set excludes the problems of those before it.
        lambda wildcards: DATA.before(wildcards.set),
    output:
        RESULTS / "data" / "{set}.jsonl",
    log:
        RESULTS / "logs" / "embedded_problems.{set}.log",
    benchmark:
        RESULTS / "timings" / "embedded_problems.{set}.tsv"
    wildcard_constraints:
        set=one_of(DATA.embedded),
    conda:
        "../../environment.yml"
    params:
        problems=lambda wildcards: DATA.embedded_arguments(wildcards.set),
        exclude=lambda wildcards, input: [f"--exclude={path}" for path in input],
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.embedded.problems {params.problems:q} "
        "{params.exclude:q}"


rule word_problems:
    input:
        # Each set excludes the problems of those before it.
        lambda wildcards: DATA.before(wildcards.set),
    output:
        RESULTS / "data" / "{set}.jsonl",
    log:
        RESULTS / "logs" / "word_problems.{set}.log",
    benchmark:
        RESULTS / "timings" / "word_problems.{set}.tsv"
    wildcard_constraints:
        set=one_of(DATA.word_problems),
    conda:
        "../../environment.yml"
    params:
        problems=lambda wildcards: DATA.word_problem_arguments(wildcards.set),
        exclude=lambda wildcards, input: [f"--exclude={path}" for path in input],
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.word_problems {params.problems:q} "
        "{params.exclude:q} --out {output:q}"


rule logic_problems:
    input:
        # Each set excludes the problems of those before it.
        lambda wildcards: DATA.before(wildcards.set),
    output:
        RESULTS / "data" / "{set}.jsonl",
    log:
        RESULTS / "logs" / "logic_problems.{set}.log",
    benchmark:
        RESULTS / "timings" / "logic_problems.{set}.tsv"
    wildcard_constraints:
        set=one_of(DATA.logic),
    conda:
        "../../environment.yml"
    params:
        problems=lambda wildcards: DATA.logic_arguments(wildcards.set),
        exclude=lambda wildcards, input: [f"--exclude={path}" for path in input],
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.logic {params.problems:q} "
        "{params.exclude:q} --out {output:q}"


rule program_problems:
    input:
        # Each set excludes the problems of those before it.
        lambda wildcards: DATA.before(wildcards.set),
    output:
        RESULTS / "data" / "{set}.jsonl",
    log:
        RESULTS / "logs" / "program_problems.{set}.log",
    benchmark:
        RESULTS / "timings" / "program_problems.{set}.tsv"
    wildcard_constraints:
        set=one_of(DATA.programs),
    conda:
        "../../environment.yml"
    params:
        problems=lambda wildcards: DATA.word_problem_arguments(wildcards.set),
        exclude=lambda wildcards, input: [f"--exclude={path}" for path in input],
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.programs {params.problems:q} "
        "{params.exclude:q} --out {output:q}"


rule fetched_problems:
    input:
        lambda wildcards: DATA.local_files(wildcards.set),
    output:
        RESULTS / "data" / "{set}.jsonl",
    log:
        RESULTS / "logs" / "fetched_problems.{set}.log",
    benchmark:
        RESULTS / "timings" / "fetched_problems.{set}.tsv"
    wildcard_constraints:
        set=one_of(DATA.fetched),
    conda:
        "../../environment.yml"
    params:
        problems=lambda wildcards: DATA.fetch_arguments(wildcards.set),
        path=lambda wildcards, input: [f"--path={path}" for path in input],
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.benchmarks {params.problems:q} "
        "{params.path:q} --out {output:q}"
