"""Which rollouts the report shows, and how."""

import json
import shutil
from pathlib import Path
from typing import Any

from analysis.intake.runs import Run
from analysis.intake.transcripts import FILE, read_transcripts
from analysis.report.excerpt import KINDS, choose, excerpt
from tests.analysis_experiment import report
from tests.transcripts import query, rollout, turn, write_rollouts

ACCEPTED = turn(query())
GATED = turn(query("gated", None, ""), let_through=False)
ANNEALED = turn(query("annealed", None))


def chosen(folder: Path, rows: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    read = list(read_transcripts(write_rollouts(folder / FILE, rows)))
    return [(kind, one.step, one.rollout) for kind, one in choose(read)]


def test_one_of_each_kind_at_evenly_spaced_steps(tmp_path: Path) -> None:
    groups = (
        *((ACCEPTED, True), (ACCEPTED, False), (GATED, True), (ANNEALED, False), (None, True), (None, False)),
        *((ACCEPTED, True), (ACCEPTED, False)),
    )
    rows = [
        rollout(*[one] if one else [], correct=right, step=step, rollout=number)
        for step in range(1, 13)
        for number, (one, right) in enumerate(groups)
    ]
    rows.append(rollout(phase="validation", step=12, rollout=0))
    first_to_last = [(1, 0), (3, 1), (5, 2), (7, 3), (9, 4), (12, 0)]
    assert chosen(tmp_path, rows) == [(kind, *place) for kind, place in zip(KINDS, first_to_last, strict=True)]


def test_what_there_is_none_of_gives_its_place_to_one_that_asked(tmp_path: Path) -> None:
    rows = [rollout(ACCEPTED, step=step) for step in (1, 2, 3)] + [rollout(step=3)]
    kinds = [kind for kind, *_ in chosen(tmp_path, rows)]
    assert kinds == ["A reply was shown, and the answer is right", *["Another that asked"] * 2, "It did not ask"]
    assert chosen(tmp_path, []) == []


def run_of(folder: Path, asked: int | None) -> tuple[Path, Run]:
    fates = {} if asked is None else {"asked": asked}
    return folder / "run.json", Run(folder.name, 1, None, None, {}, {}, None, None, None, fates)


def test_it_is_of_the_first_run_that_asked_and_has_transcripts(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / name, asked) for name, asked in (("a", None), ("b", 0), ("c", 5), ("d", 5), ("e", 5))]
    assert excerpt(runs) is None
    for name in ("b", "d", "e"):
        write_rollouts(tmp_path / name / FILE, [rollout(ACCEPTED)])
    made = excerpt(runs)
    assert made is not None and (made.method, made.seed, made.total, len(made.shown)) == ("d", 1, 1, 1)


def test_the_report_escapes_what_was_said(results: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results, folder)
    for path in folder.glob(f"runs/*/*/{FILE}"):
        path.unlink()
    assert report(folder, folder / "report.html") == 0
    assert "Rollouts, word for word" not in (folder / "report.html").read_text()
    hostile = "</pre><script>alert(1)</script>\u202e&amp;"
    path = folder / "runs" / "eapo" / "seed0" / FILE
    write_rollouts(path, [rollout(turn(query(reply=hostile))), rollout(phase="validation", response=hostile)])
    assert report(folder, folder / "report.html") == 0
    page = (folder / "report.html").read_text()
    assert page.count("<pre>") == page.count("</pre>") == 2 and "<script" not in page and "\u202e" not in page
    assert "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\u202e&amp;amp;" in page
    assert "Of eapo, seed 0" in page and "accepted by expert_a" in page


def test_broken_transcripts_stop_the_report_with_one_line(results: Path, tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results, folder)
    write_rollouts(folder / "runs" / "eapo" / "seed0" / FILE, [json.dumps({"step": 1})])
    assert report(folder, tmp_path / "report.html") == 2
    error = capsys.readouterr().err
    assert f"{FILE}:1: field 'rollout' is missing" in error and error.count("\n") == 1
    assert not (tmp_path / "report.html").exists()
