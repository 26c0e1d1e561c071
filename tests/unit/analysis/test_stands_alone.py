"""What the analysis imports: no engine, of this project tasks alone, and in a package of its own no later one."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import analysis
from tests import ROOT

FOLDER = Path(analysis.__file__).parent
#: Each may import those before it.
ORDER = ("intake", "statistics", "tables", "plots", "report", "cli")


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_analysis_stands_alone() -> None:
    """It has to run where no engine is installed, on samples of methods that are not this project's."""
    roots = {name.split(".")[0] for module in FOLDER.rglob("*.py") for name in imported(module)}
    assert {"pandas", "scipy", "math_verify", "tasks"} <= roots
    assert not roots & {"torch", "vllm", "verl", "lm_eval", "ray", "eapo_verl", "baselines", "workflow"}


@pytest.mark.parametrize("package", ORDER)
def test_no_package_imports_a_later_one(package: str) -> None:
    later = ORDER[ORDER.index(package) + 1 :]
    modules = sorted((FOLDER / package).rglob("*.py"))
    assert len(modules) > 1
    wrong = [
        f"{module.stem} imports {name}"
        for module in modules
        for name in imported(module)
        if name.startswith(tuple(f"analysis.{one}" for one in later))
    ]
    assert not wrong


def test_every_module_is_in_a_package_of_that_order() -> None:
    for name in ("__init__", "output"):
        assert not [one for one in imported(FOLDER / f"{name}.py") if one.startswith("analysis")]
    assert {path.parent.name for path in FOLDER.rglob("*.py")} - {"analysis"} == set(ORDER)


def test_lists_that_rules_read_load_nothing() -> None:
    script = "import sys, analysis.plots, analysis.tables; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not {"pandas", "numpy", "matplotlib"} & set(loaded.split())
