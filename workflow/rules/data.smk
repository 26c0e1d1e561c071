# Problem sets: generated, or fetched and normalised. Beside fetched ones lies what is known of where they are from
# (<set>.source.json), which is no declared output: what was fetched before there was any is not fetched again for it.


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
        problems=lambda wildcards: DATA.program_arguments(wildcards.set),
        exclude=lambda wildcards, input: [f"--exclude={path}" for path in input],
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.programs {params.problems:q} "
        "{params.exclude:q} --out {output:q}"


# As what is a hub's: here, and not where a cluster computes.
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
    localrule: True
    conda:
        "../../environment.yml"
    params:
        problems=lambda wildcards: DATA.fetch_arguments(wildcards.set),
        path=lambda wildcards, input: [f"--path={path}" for path in input],
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.benchmarks {params.problems:q} "
        "{params.path:q} --out {output:q}"


# Here, and not where a cluster computes: its nodes often reach no hub.
rule hub_problems:
    output:
        RESULTS / "data" / "{set}.jsonl",
    log:
        RESULTS / "logs" / "hub_problems.{set}.log",
    benchmark:
        RESULTS / "timings" / "hub_problems.{set}.tsv"
    wildcard_constraints:
        set=one_of(DATA.downloaded),
    localrule: True
    conda:
        "../../environment.yml"
    params:
        problems=lambda wildcards: DATA.download_arguments(wildcards.set),
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.hub_problems {params.problems:q} "
        "--out {output:q}"


rule part_of_problems:
    input:
        DATA.whole(),
    output:
        RESULTS / "data" / "{set}.jsonl",
    log:
        RESULTS / "logs" / "part_of_problems.{set}.log",
    benchmark:
        RESULTS / "timings" / "part_of_problems.{set}.tsv"
    wildcard_constraints:
        set=one_of(DATA.parts),
    conda:
        "../../environment.yml"
    params:
        part=lambda wildcards: DATA.part_arguments(wildcards.set),
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.hold_out --problems {input:q} "
        "{params.part:q} --out {output:q}"


# Before anything is trained on problems of others, which may be the benchmarks'.
rule overlap:
    input:
        train=DATA.file("train"),
        benchmarks=[DATA.file(name) for name in DATA.benchmarks],
    output:
        RESULTS / "data" / "overlap.json",
    log:
        RESULTS / "logs" / "overlap.log",
    benchmark:
        RESULTS / "timings" / "overlap.tsv"
    conda:
        "../../environment.yml"
    params:
        limits=DATA.overlap_arguments(),
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.overlap --train {input.train:q} "
        "{params.limits:q} --out {output:q}"
