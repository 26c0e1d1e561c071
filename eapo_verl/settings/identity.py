"""Which keys of the settings a result depends on, and which only say where and how it is come by.

A key belongs to a result's identity unless it is marked ``OPERATIONAL`` where it is declared. Marked is what changes no
number of a run in which nothing goes wrong: addresses, the names of keys' variables, how many threads compute and how
many requests are open at once, how long is waited and how often tried again, how much trouble is borne before a run is
stopped, how often a checkpoint is written. (Another number of threads rounds sums otherwise, as another processor does,
which is no part of the identity either.) A key that changes what is recorded, as a price does, is not marked.

Results are kept, and go on being merged with others, while keys are added. One whose default is what was done before it
was there is marked ``LATER``, and is part of the identity only where it says something else.
"""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

#: Marks a key as no part of a result's identity: ``timeout_s: Annotated[float, OPERATIONAL]``.
OPERATIONAL: Final = "operational"
#: Marks a key that has come later, and does nothing new by default.
LATER: Final = "later"


def identity(settings: BaseModel) -> dict[str, Any]:
    """``settings`` in JSON's types, without the keys that are no part of it, at any depth."""
    return {
        name: _plain(getattr(settings, name))
        for name, field in type(settings).model_fields.items()
        if OPERATIONAL not in field.metadata and not _as_before(field, getattr(settings, name))
    }


def later(settings: BaseModel, key: str) -> dict[str, Any]:
    """A key of ``settings`` that is marked ``LATER``, as :func:`identity` has it; nothing at its default."""
    field = type(settings).model_fields[key]
    value = getattr(settings, key)
    return {} if _as_before(field, value) else {key: _plain(value)}


def _as_before(field: FieldInfo, value: Any) -> bool:
    return LATER in field.metadata and value == field.get_default(call_default_factory=True, validated_data={})


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return identity(value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return to_jsonable_python(value)
