"""``python -m analysis show``."""

import io
import sys
from pathlib import Path

import pytest

from analysis.cli.commands import main
from analysis.intake.transcripts import FILE
from tests.transcripts import query, rollout, turn, write_rollouts


@pytest.fixture
def run(tmp_path: Path) -> Path:
    rows = [
        rollout(*([turn(query())] if number % 2 else []), step=step, rollout=number, prompt=f"chains-{step}")
        for step in range(1, 5)
        for number in range(4)
    ]
    write_rollouts(tmp_path / FILE, rows)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "heads"),
    [
        (["--step", "2"], [(2, 0), (2, 1), (2, 2), (2, 3)]),
        (["--prompt", "chains-3", "--consulted"], [(3, 1), (3, 3)]),
        (["--n", "4"], [(1, 0), (2, 0), (3, 0), (4, 0)]),
        (["--consulted", "--n", "1"], [(1, 1)]),
    ],
)
def test_it_prints_what_is_asked_for(
    run: Path, capsys: pytest.CaptureFixture[str], options: list[str], heads: list[tuple[int, int]]
) -> None:
    assert main(["show", str(run), *options]) == 0
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith("step ")] == [
        f"step {step}, training, problem chains-{step}, rollout {number}: right" for step, number in heads
    ]
    assert printed.splitlines()[-1].startswith(f"{len(heads)} of ")


def test_what_the_terminal_cannot_show_is_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rollouts(tmp_path / FILE, [rollout(step=1, rollout=0, prompt="größer")])
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="ascii", write_through=True))
    assert main(["show", str(tmp_path)]) == 0
    assert b"problem gr\\xf6\\xdfer, rollout 0" in printed.getvalue()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--step", "9"], "holds no such rollout (it holds 16 of steps 1 to 4, 8 of them asked)"),
        (["--prompt", "none"], "holds no such rollout"),
        (["--n", "0"], "'0': needed is a whole number of at least 1"),
        (["--step", "x"], "'x': needed is a whole number"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    run: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    try:
        status = main(["show", str(run), *options])
    except SystemExit as stopped:
        status = int(str(stopped.code))
    error = capsys.readouterr().err
    assert status == 2 and said in error and error.startswith("analysis: ") and error.count("\n") == 1
