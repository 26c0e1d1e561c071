"""One self-contained HTML page: the answer first, then tables, figures, and what was run."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2

from analysis import InputError
from analysis.intake.files import regular
from analysis.intake.runs import read_run
from analysis.plots import DPI, Listed, figures_of
from analysis.report.conclusion import Conclusion, conclude
from analysis.report.domains import apart
from analysis.report.excerpt import excerpt
from analysis.report.sensitivity import alone
from analysis.statistics.reported import reported_difference
from analysis.tables.ablations import read_ablations
from analysis.tables.claims import claim_rows, read_claims
from analysis.tables.consulting import consulting_rows, part_rows, read_consulting
from analysis.tables.costs import cost_rows
from analysis.tables.domains import read_domain_pairs, read_domains
from analysis.tables.learning import learning_pair_rows, learning_rows, read_learning, read_learning_pairs
from analysis.tables.main import read_main
from analysis.tables.names import inline_name
from analysis.tables.numbers import points
from analysis.tables.runs import miscounts, run_rows, shared_facts
from analysis.tables.sensitivity import read_sensitivity
from analysis.tables.shown import (
    ablation_rows,
    ablation_test_rows,
    comparison_rows,
    diagnostic_rows,
    domain_comparison_rows,
    domain_rows,
    main_rows,
    sensitivity_rows,
    test_rows,
)
from analysis.tables.significance import declared_comparisons, read_significance


class Figure(NamedTuple):
    """A figure as the page holds it: base64 of the PNG, what stands for it, its width in CSS pixels, its caption."""

    png: str
    alt: str
    width: int
    caption: str


def build(
    experiment: str, tables: Path, figures: Path, run_files: Sequence[Path], notes: Sequence[str] = ()
) -> tuple[str, Conclusion]:
    """The page, and what it says first.

    Args:
        experiment: its name.
        tables: the folder of the tables, ablations.csv among them where there are ablations, domains.csv and
            domain_pairs.csv where there are several domains, sensitivity.csv where settings are compared.
        figures: the folder of the figures (PNG) and their captions.
        run_files: run.json of every training run; the rollouts.jsonl.gz beside one is read, too, where there is one.
        notes: what a reader has to know before anything else; among the conclusion's warnings.

    Raises:
        InputError: a file is missing or not what it should be.
    """
    main, significance, ablations = read_main(tables), read_significance(tables), read_ablations(tables)
    consulting = read_consulting(tables)
    sensitivity = read_sensitivity(tables)
    domains, domain_pairs = read_domains(tables), read_domain_pairs(tables)
    runs = [read_run(path) for path in run_files]
    conclusion = conclude(main, significance, {run.method for run in runs})
    conclusion = dataclasses.replace(
        conclusion, basis=f"{conclusion.basis} Experts locked off.", warnings=(*notes, *conclusion.warnings)
    )
    declared = declared_comparisons(significance)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        experiment=experiment,
        conclusion=conclusion,
        paper=_paper(conclusion.methods),
        comparisons=comparison_rows(declared),
        smallest_effect=f"{100 * declared['smallest_effect'].iloc[0]:g}",
        claims=claim_rows({experiment: read_claims(tables)}),
        main=main_rows(main),
        costs=cost_rows(main),
        diagnostics=diagnostic_rows(main),
        significance=test_rows(significance),
        ablations=[] if ablations is None else ablation_rows(ablations),
        ablation_tests=[] if ablations is None else ablation_test_rows(ablations),
        domains=[] if domains is None else domain_rows(domains),
        domain_pairs=[] if domain_pairs is None else domain_comparison_rows(domain_pairs),
        apart=[] if domain_pairs is None else apart(domain_pairs, conclusion.methods),
        sensitivity=[] if sensitivity is None else sensitivity_rows(sensitivity),
        alone=[] if sensitivity is None else alone(sensitivity),
        learning=learning_rows(read_learning(tables)),
        learning_pairs=learning_pair_rows(read_learning_pairs(tables)),
        consulting=consulting_rows(consulting),
        consulting_parts=part_rows(consulting),
        figures=_by_section(figures, figures_of(ablations is not None)),
        k=int(main["k"].iloc[0]),
        excerpt=excerpt(list(zip(run_files, runs, strict=True))),
        runs=run_rows(runs),
        miscounts=miscounts(runs),
        facts=shared_facts(runs),
    )
    return page, conclusion


def _by_section(folder: Path, figures: Mapping[str, Listed]) -> dict[str, list[Figure]]:
    sections: dict[str, list[Figure]] = {}
    for stem, listed in figures.items():
        sections.setdefault(listed.section, []).append(_figure(folder, stem, listed.alt))
    return sections


def _figure(folder: Path, stem: str, alt: str) -> Figure:
    path = folder / f"{stem}.png"
    try:
        png = regular(path).read_bytes()
        path = folder / f"{stem}.rst"
        # The header of a PNG holds the width at this place; a CSS pixel is 1/96 of an inch.
        width = round(int.from_bytes(png[16:20]) * 96 / DPI)
        return Figure(base64.b64encode(png).decode(), alt, width, regular(path).read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _paper(methods: tuple[str, str]) -> str:
    """What the paper reports of the same comparison; empty where it reports nothing."""
    difference = reported_difference(*methods)
    if difference is None:
        return ""
    a, b = (inline_name(method) for method in methods)
    return (
        f"The paper reports {points(difference)} points for {a} over {b} with its own models, the mean over AIME 2024, "
        "AIME 2025 and AIMO 2025 (32 samples; we know of no interval and no number of training seeds)."
    )
