"""What tests of the embedded world's commands share."""

from collections.abc import Callable
from pathlib import Path

import pytest

Main = Callable[[list[str]], int]


@pytest.fixture
def complaint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Main, list[str]], str]:
    """What a command says of bad arguments, one line; beside it stands a file named ``file`` that holds ``{}``."""

    def complain(main: Main, arguments: list[str]) -> str:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").write_text("{}")
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return said

    return complain
