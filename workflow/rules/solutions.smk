# Experts' solutions of the training problems, for arms that learn from them; one job an expert. Replies are in a journal
# outside the declared outputs, since Snakemake removes the outputs of a job that failed: a repeated job asks for the rest.


rule solutions:
    input:
        problems=DATA.file("train"),
        tasks=task_code(*DATA.tasks("train")),
        experts=lambda wildcards: SOLUTIONS.served_models(wildcards.expert),
        # Only before it: one more benchmark is no reason to ask again.
        overlap=ancient(DATA.overlap()),
    output:
        solutions=SOLUTIONS.file("{expert}"),
        provenance=SOLUTIONS.provenance("{expert}"),
    log:
        RESULTS / "logs" / "solutions.{expert}.log",
    benchmark:
        RESULTS / "timings" / "solutions.{expert}.tsv"
    wildcard_constraints:
        expert=one_of(SOLUTIONS.experts),
    conda:
        "../../environment.yml"
    threads: EXPERIMENT.resources.sampling_threads
    resources:
        mem_mb=EXPERIMENT.resources.sampling_memory_mb,
        gpu=lambda wildcards, input: EXPERIMENT.resources.sampling_gpus if input.experts else 0,
        # As in rule draw.
        nodes=1,
        runtime=EXPERIMENT.resources.minutes,
    params:
        identity=lambda wildcards: SOLUTIONS.identity(wildcards.expert),
        # Asks for the output in order to count as derived from it, as in rule train.
        settings=lambda wildcards, output: SOLUTIONS.settings(wildcards.expert),
        settings_file=lambda wildcards: SOLUTIONS.settings_file(wildcards.expert),
        journal=SOLUTIONS.journal(),
        lease=lambda wildcards: SOLUTIONS.lease(wildcards.expert),
        endpoints=lambda wildcards, input: (
            ["--endpoints", SOLUTIONS.endpoints(wildcards.expert)] if input.experts else []
        ),
    shell:
        'mkdir -p "$(dirname {params.settings_file:q})" && '
        "printf '%s\\n' {params.settings:q} > {params.settings_file:q} && "
        "exec {params.lease:q} python -m workflow.logged --fork join {log:q} -- python -m workflow.solutions "
        "{params.settings_file:q} --out {output.solutions:q} --journal {params.journal:q} {params.endpoints:q}"
