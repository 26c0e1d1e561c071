# Tables, figures and the report: from files alone, without an engine.

from analysis.plots import figures_of
from analysis.tables import ABLATIONS, CONSULTING, tables
from workflow.problem_sets import domains_of

IN_DOMAINS = domains_of(EXPERIMENT.train, EXPERIMENT.benchmarks)
TABLES = tables(
    ablations=bool(EXPERIMENT.ablations), domains=IN_DOMAINS is not None, sensitivity=bool(EXPERIMENT.sensitivity)
)
FIGURES = figures_of(ablations=bool(EXPERIMENT.ablations))
# As the commands take them.
METRICS = [f"{method}:{seed}:{PLAN.run(method, seed) / 'metrics.jsonl'}" for method, seed in PLAN.trained]


# What tables, figures and report call each arm, how they draw it, and what it declares to spend.
rule arms:
    output:
        RESULTS / "arms.json",
    log:
        RESULTS / "logs" / "arms.log",
    benchmark:
        RESULTS / "timings" / "arms.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    params:
        arms=PLAN.arms_described(),
    shell:
        "printf '%s\\n' {params.arms:q} > {output:q} 2> {log:q}"


rule tables:
    input:
        scores=RESULTS / "scores.parquet",
        metrics=[PLAN.run(method, seed) / "metrics.jsonl" for method, seed in PLAN.trained],
        # Read where they lie, beside metrics.jsonl.
        rollouts=[PLAN.run(method, seed) / "rollouts.jsonl.gz" for method, seed in PLAN.trained],
        runs=[PLAN.run(method, seed) / "run.json" for method, seed in PLAN.trained],
        arms=rules.arms.output,
        code=code("intake", "statistics", "tables"),
    output:
        [
            report(
                RESULTS / "tables" / f"{name}.csv",
                caption=f"../report/{name}_table.rst",
                category="Tables",
                labels={"table": name},
            )
            for name in TABLES
        ],
        [RESULTS / "tables" / f"{name}.{form}" for name in TABLES for form in ("md", "tex")],
    log:
        RESULTS / "logs" / "tables.log",
    benchmark:
        RESULTS / "timings" / "tables.tsv"
    conda:
        "../../environment.yml"
    params:
        grades=RESULTS / "grades",
        folder=RESULTS / "tables",
        metrics=METRICS,
        k=EXPERIMENT.evaluation.k,
        pairs=[f"{a}:{b}" for a, b in EXPERIMENT.comparisons],
        smallest_effect=EXPERIMENT.smallest_effect,
        ablations=(
            ["--ablations", *(f"{component}={full}:{without}" for component, full, without in EXPERIMENT.ablations)]
            if EXPERIMENT.ablations
            else []
        ),
        domains=(
            []
            if IN_DOMAINS is None
            else [
                "--domains",
                *(f"{name}={domain}" for name, domain in IN_DOMAINS.benchmarks.items()),
                f"--trained-on={IN_DOMAINS.trained_on}",
            ]
        ),
        settings=(
            ["--settings", *(f"{one.arm}={one.wording}:{one.temperature:g}" for one in EXPERIMENT.settings_compared())]
            if EXPERIMENT.sensitivity
            else []
        ),
    shell:
        "exec python -m workflow.logged --fork join {log:q} -- python -m analysis tables --scores {input.scores:q} "
        "--grades-dir {params.grades:q} --k {params.k:q} --pairs {params.pairs:q} "
        "--smallest-effect {params.smallest_effect:q} {params.ablations:q} {params.domains:q} "
        "{params.settings:q} "
        "--metrics {params.metrics:q} --runs {input.runs:q} --arms {input.arms:q} --out-dir {params.folder:q}"


rule figures:
    input:
        scores=RESULTS / "scores.parquet",
        tables=[
            RESULTS / "tables" / f"{name}.csv" for name in TABLES if name in ("significance", CONSULTING, ABLATIONS)
        ],
        metrics=[PLAN.run(method, seed) / "metrics.jsonl" for method, seed in PLAN.trained],
        runs=[PLAN.run(method, seed) / "run.json" for method, seed in PLAN.trained],
        arms=rules.arms.output,
        code=code("intake", "statistics", "tables", "plots"),
    output:
        [
            report(
                RESULTS / "figures" / f"{name}.png",
                # Written with the figure, since it says what was drawn.
                caption=str((RESULTS / "figures" / f"{name}.rst").absolute()),
                category="Figures",
                labels={"figure": name.replace("_", " ")},
            )
            for name in FIGURES
        ],
        [RESULTS / "figures" / f"{name}.{form}" for name in FIGURES for form in ("pdf", "rst")],
    log:
        RESULTS / "logs" / "figures.log",
    benchmark:
        RESULTS / "timings" / "figures.tsv"
    conda:
        "../../environment.yml"
    params:
        metrics=METRICS,
        grades=RESULTS / "grades",
        tables=RESULTS / "tables",
        folder=RESULTS / "figures",
    shell:
        "exec python -m workflow.logged --fork join {log:q} -- python -m analysis figures --metrics {params.metrics:q} "
        "--runs {input.runs:q} --arms {input.arms:q} --scores {input.scores:q} --grades-dir {params.grades:q} "
        "--tables-dir {params.tables:q} --out-dir {params.folder:q}"


rule html_report:
    input:
        rules.tables.output,
        rules.figures.output,
        runs=[PLAN.run(method, seed) / "run.json" for method, seed in PLAN.trained],
        arms=rules.arms.output,
        # Read where they lie, beside run.json.
        rollouts=[PLAN.run(method, seed) / "rollouts.jsonl.gz" for method, seed in PLAN.trained],
        code=code("intake", "statistics", "tables", "plots", "report"),
        template=own_file("analysis", "report", "report.html.j2"),
    output:
        page=report(RESULTS / "report.html", caption="../report/report.rst", category="Answer"),
        # The start page of Snakemake's report.
        answer=RESULTS / "answer.rst",
    log:
        RESULTS / "logs" / "report.log",
    benchmark:
        RESULTS / "timings" / "report.tsv"
    conda:
        "../../environment.yml"
    params:
        name=PLAN.name,
        tables=RESULTS / "tables",
        figures=RESULTS / "figures",
    shell:
        "exec python -m workflow.logged --fork join {log:q} -- python -m analysis report --experiment {params.name:q} "
        "--tables-dir {params.tables:q} --figures-dir {params.figures:q} --runs {input.runs:q} "
        "--arms {input.arms:q} --answer {output.answer:q} --out {output.page:q}"
