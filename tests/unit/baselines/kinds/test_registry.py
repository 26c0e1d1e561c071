"""Kinds are found by their place in a folder, and one that is none is named in one line."""

from pathlib import Path

import pytest

import baselines.kinds
from baselines.kinds import kinds
from workflow.methods import ExperimentError, methods


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Kind(:\n", "SyntaxError"),
        ("import nothing_of_the_kind\n", "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("", "a kind of method is one subclass of Arm, and here are 0"),
        ("from baselines.arm import Arm\nclass A(Arm): ...\nclass B(Arm): ...\n", "and here are 2"),
    ],
)
def test_a_malformed_kind_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    name = f"malformed_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(baselines.kinds, "__path__", [*baselines.kinds.__path__, str(tmp_path)])
    kinds.cache_clear()
    methods.cache_clear()
    try:
        with pytest.raises(ExperimentError) as caught:
            methods()
    finally:
        kinds.cache_clear()
        methods.cache_clear()
    message = str(caught.value)
    assert f"baselines.kinds.{name}: " in message and said in message and "\n" not in message
