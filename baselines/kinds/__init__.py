"""Kinds of method, one module or package each: it defines a subclass of :class:`baselines.arm.Arm` and is its name.

There is no list: a kind is registered by its place in this folder.
"""

import functools
import importlib
import pkgutil

from baselines.arm import Arm


@functools.cache
def kinds() -> dict[str, type[Arm]]:
    """Every kind of method, by name.

    Raises:
        ValueError: a module here cannot be imported, or defines no subclass of ``Arm``, or several.
    """
    return {module.name: _kind(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)}


def _kind(name: str) -> type[Arm]:
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise ValueError(f"{name}: {type(error).__name__}: {error}") from error
    defined = [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Arm) and one.__module__ == name
    ]
    if len(defined) != 1:
        raise ValueError(f"{name}: a kind of method is one subclass of Arm, and here are {len(defined)}")
    return defined[0]
