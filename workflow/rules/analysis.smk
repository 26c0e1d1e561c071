# Tables, figures and the report: from files alone, without an engine.


rule tables:
    input:
        scores=RESULTS / "scores.parquet",
        code=code(
            *("tables", "comparisons", "significance", "secondary", "outcome", "effects", "metrics", "intervals"),
            *("power", "reported", "output"),
        ),
    output:
        main=report(
            RESULTS / "tables" / "main.csv",
            caption="../report/main_table.rst",
            category="Tables",
            labels={"table": "main"},
        ),
        significance=report(
            RESULTS / "tables" / "significance.csv",
            caption="../report/significance_table.rst",
            category="Tables",
            labels={"table": "significance"},
        ),
        other=[RESULTS / "tables" / f"{table}.{form}" for table in ("main", "significance") for form in ("md", "tex")],
    log:
        RESULTS / "logs" / "tables.log",
    benchmark:
        RESULTS / "benchmarks" / "tables.tsv"
    conda:
        "../../environment.yml"
    params:
        grades=RESULTS / "grades",
        folder=RESULTS / "tables",
        k=EXPERIMENT.evaluation.k,
        pairs=[f"{a}:{b}" for a, b in EXPERIMENT.comparisons],
    shell:
        "python -m analysis tables --scores {input.scores} --grades-dir {params.grades} --k {params.k} "
        "--pairs {params.pairs} --out-dir {params.folder} > {log} 2>&1 || {{ cat {log} >&2; exit 1; }}"


rule figures:
    input:
        scores=RESULTS / "scores.parquet",
        metrics=[PLAN.run(method, seed) / "metrics.jsonl" for method, seed in PLAN.trained],
        code=code("figures", "style"),
    output:
        report(
            RESULTS / "figures" / "accuracy_over_training.png",
            caption="../report/accuracy_over_training.rst",
            category="Figures",
        ),
        report(RESULTS / "figures" / "comparison.png", caption="../report/comparison.rst", category="Figures"),
        [RESULTS / "figures" / f"{figure}.pdf" for figure in ("accuracy_over_training", "comparison")],
    log:
        RESULTS / "logs" / "figures.log",
    benchmark:
        RESULTS / "benchmarks" / "figures.tsv"
    conda:
        "../../environment.yml"
    params:
        metrics=lambda wildcards, input: [
            f"{method}:{seed}:{path}" for (method, seed), path in zip(PLAN.trained, input.metrics)
        ],
        folder=RESULTS / "figures",
    shell:
        "python -m analysis figures --metrics {params.metrics} --scores {input.scores} --out-dir {params.folder} "
        "> {log} 2>&1 || {{ cat {log} >&2; exit 1; }}"


rule html_report:
    input:
        rules.tables.output,
        rules.figures.output,
        runs=[PLAN.run(method, seed) / "run.json" for method, seed in PLAN.trained],
        code=code("report", "conclusion", "shown", "provenance"),
        template="analysis/report.html.j2",
    output:
        report(RESULTS / "report.html", caption="../report/report.rst", category="Report"),
    log:
        RESULTS / "logs" / "report.log",
    benchmark:
        RESULTS / "benchmarks" / "report.tsv"
    conda:
        "../../environment.yml"
    params:
        name=PLAN.name,
        tables=RESULTS / "tables",
        figures=RESULTS / "figures",
    shell:
        "python -m analysis report --experiment {params.name} --tables-dir {params.tables} --figures-dir {params.figures} "
        "--runs {input.runs} --out {output} > {log} 2>&1 || {{ cat {log} >&2; exit 1; }}"
