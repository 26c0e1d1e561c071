"""Where engines compute."""

from importlib import metadata
from pathlib import Path

import pytest

from eapo_verl.cpu import environment


@pytest.mark.parametrize(
    ("told", "device", "build", "cpu"),
    [
        ("cpu", True, "0.24.0", True),
        (None, False, "0.24.0", True),
        (None, True, "0.24.0", False),
        ("cuda", True, "0.24.0", False),
        (None, True, "0.28.0+cpu", True),
        (None, True, None, False),
    ],
)
def test_engines_compute_on_the_cpu_without_a_device_or_where_they_are_told_to(
    told: str | None, device: bool, build: str | None, cpu: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if build is None:
            raise metadata.PackageNotFoundError(name)
        return build

    monkeypatch.delenv("VERL_PLATFORM", raising=False)
    if told is not None:
        monkeypatch.setenv("VERL_PLATFORM", told)
    monkeypatch.setattr(environment, "NVIDIA_DEVICE", tmp_path if device else tmp_path / "none")
    monkeypatch.setattr(metadata, "version", version)
    assert environment.on_cpu() is cpu
