# A part of the experiment, made and kept in one small folder (docs/shards.md): snakemake shard --config shard_seeds=[1]


rule shard:
    input:
        SHARD.files(),
    output:
        directory(SHARD.folder),
    log:
        RESULTS / "logs" / "shard.log",
    benchmark:
        RESULTS / "timings" / "shard.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        results=RESULTS,
        described=SHARD.description(),
    shell:
        "exec python -m workflow.logged {log:q} -- python -m workflow.keep_shard --results {params.results:q} "
        "--described {params.described:q} --out {output:q}"
