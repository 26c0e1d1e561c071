"""The analysis imports no engine, and of this project the tasks alone."""

import ast
from pathlib import Path

import analysis


def test_analysis_stands_alone() -> None:
    """It has to run where no engine is installed, on samples of methods that are not this project's."""
    modules = sorted(Path(analysis.__file__).parent.rglob("*.py"))
    imported = {
        name.split(".")[0]
        for module in modules
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert {"pandas", "scipy", "math_verify", "tasks"} <= imported
    assert not imported & {"torch", "vllm", "verl", "lm_eval", "ray", "eapo_verl", "baselines", "workflow"}
