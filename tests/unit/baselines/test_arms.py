"""The folders of arms, and the registry of kinds."""

import sys
from pathlib import Path

import pytest

import baselines.kinds
from baselines.kinds import kinds
from baselines.kinds.rl import RL
from baselines.kinds.untrained import Untrained

FOLDERS = sorted(path.parent for path in Path("baselines").glob("*/method.yaml"))


def test_a_kind_is_registered_by_its_place() -> None:
    assert {"rl": RL, "untrained": Untrained}.items() <= kinds().items()


@pytest.mark.parametrize("text", ["", "from baselines.arm import Arm\nclass A(Arm): ...\nclass B(Arm): ...\n"])
def test_a_module_without_one_kind_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "strange.py").write_text(text)
    monkeypatch.setattr(baselines.kinds, "__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "baselines.kinds.strange", raising=False)
    with pytest.raises(ValueError, match=r"baselines\.kinds\.strange: a kind of method is one subclass of Arm"):
        kinds.__wrapped__()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_an_arm_that_ships_says_what_it_is(folder: Path) -> None:
    assert (folder / "README.md").read_text().startswith("# ")
