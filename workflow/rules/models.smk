# Models that the workflow makes: the embedded world's, pre-trained here, those put together from phrases, SmolLM2 out of its
# package, those of a hub, and those in a file of GGUF.


rule embedded_model:
    output:
        directory(RESULTS / "models" / "{model}"),
    log:
        RESULTS / "logs" / "embedded_model.{model}.log",
    benchmark:
        RESULTS / "timings" / "embedded_model.{model}.tsv"
    wildcard_constraints:
        model=one_of(PLAN.embedded_models("expert")),
    conda:
        "../../environment.yml"
    params:
        model=lambda wildcards: PLAN.pretrain_arguments(wildcards.model),
    shell:
        "exec python -m workflow.logged --fork start {log:q} -- python -m workflow.embedded.pretrain {params.model:q} "
        "--threads {threads} --out {output:q}"


# The longest job before any training: first, beside the experts' and not after them.
use rule embedded_model as embedded_policy with:
    wildcard_constraints:
        model=one_of(PLAN.embedded_models("policy")),
    priority: 1


rule phrasebook_model:
    output:
        directory(RESULTS / "models" / "{model}"),
    log:
        RESULTS / "logs" / "phrasebook_model.{model}.log",
    benchmark:
        RESULTS / "timings" / "phrasebook_model.{model}.tsv"
    wildcard_constraints:
        model=one_of(PLAN.phrasebook_models),
    conda:
        "../../environment.yml"
    params:
        role=lambda wildcards: PLAN.phrasebook_models[wildcards.model],
    shell:
        "exec python -m workflow.logged --fork start {log:q} -- python -m workflow.sources.phrasebook "
        "--role {params.role:q} --out {output:q}"


rule packaged_model:
    output:
        directory(RESULTS / "models" / "{model}"),
    log:
        RESULTS / "logs" / "packaged_model.{model}.log",
    benchmark:
        RESULTS / "timings" / "packaged_model.{model}.tsv"
    wildcard_constraints:
        model=one_of(PLAN.packaged_models),
    conda:
        "../../environment.yml"
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.smollm2 --out {output:q}"


# Here, and not where a cluster computes: its nodes often reach no hub.
rule fetched_model:
    input:
        gguf=lambda wildcards: PLAN.gguf_files(wildcards.model),
    output:
        directory(RESULTS / "models" / "{model}"),
    log:
        RESULTS / "logs" / "fetched_model.{model}.log",
    benchmark:
        RESULTS / "timings" / "fetched_model.{model}.tsv"
    wildcard_constraints:
        model=one_of(PLAN.fetched_models),
    localrule: True
    conda:
        "../../environment.yml"
    params:
        model=lambda wildcards: PLAN.fetch_arguments(wildcards.model),
        gguf=lambda wildcards, input: [f"--gguf={path}" for path in input.gguf],
        # Asks for the output in order to count as derived from it, as in rule train: no model is fetched again for it.
        reads=lambda wildcards, output: PLAN.reads(wildcards.model),
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.fetched_model {params.model:q} "
        "{params.gguf:q} {params.reads:q} --out {output:q}"
