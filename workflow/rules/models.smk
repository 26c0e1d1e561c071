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
        model=one_of(MODELS.embedded("expert")),
    conda:
        "../../environment.yml"
    params:
        model=lambda wildcards: MODELS.pretrain_arguments(wildcards.model),
    shell:
        "exec python -m workflow.logged --fork start {log:q} -- python -m workflow.embedded.pretrain {params.model:q} "
        "--threads {threads} --out {output:q}"


# The longest job before any training: first, beside the experts' and not after them.
use rule embedded_model as embedded_policy with:
    wildcard_constraints:
        model=one_of(MODELS.embedded("policy")),
    priority: 1


rule phrasebook_model:
    output:
        directory(RESULTS / "models" / "{model}"),
    log:
        RESULTS / "logs" / "phrasebook_model.{model}.log",
    benchmark:
        RESULTS / "timings" / "phrasebook_model.{model}.tsv"
    wildcard_constraints:
        model=one_of(MODELS.phrasebooks),
    conda:
        "../../environment.yml"
    params:
        role=lambda wildcards: MODELS.phrasebooks[wildcards.model],
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
        model=one_of(MODELS.packaged),
    conda:
        "../../environment.yml"
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.smollm2 --out {output:q}"


# Here, and not where a cluster computes: its nodes often reach no hub.
rule fetched_model:
    input:
        gguf=lambda wildcards: MODELS.gguf_files(wildcards.model),
    output:
        directory(RESULTS / "models" / "{model}"),
    log:
        RESULTS / "logs" / "fetched_model.{model}.log",
    benchmark:
        RESULTS / "timings" / "fetched_model.{model}.tsv"
    wildcard_constraints:
        model=one_of(MODELS.fetched),
    localrule: True
    conda:
        "../../environment.yml"
    params:
        model=lambda wildcards: MODELS.fetch_arguments(wildcards.model),
        gguf=lambda wildcards, input: [f"--gguf={path}" for path in input.gguf],
        # Asks for the output in order to count as derived from it, as in rule train: no model is fetched again for it.
        reads=lambda wildcards, output: MODELS.reads(wildcards.model),
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.sources.fetched_model {params.model:q} "
        "{params.gguf:q} {params.reads:q} --out {output:q}"
