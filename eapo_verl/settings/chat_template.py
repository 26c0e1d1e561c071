"""What a chat template is told beside the chat: whether the model is to think, say (``{enable_thinking: false}``)."""

import re
from collections.abc import Iterable
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints

# Parameters of the tokenizers' own method, and what a template is always given.
_TAKEN = (
    *("conversation", "messages", "tools", "documents", "chat_template", "add_generation_prompt", "tokenizer_kwargs"),
    *("continue_final_message", "tokenize", "padding", "truncation", "max_length", "return_tensors", "return_dict"),
    "return_assistant_tokens_mask",
)


def _of_a_template(name: str) -> str:
    if name in _TAKEN:
        raise ValueError(f"{name} is the tokenizer's own, and no argument of a template")
    return name


def _plain_value(value: Any) -> Any:
    if not (
        isinstance(value, bool | int)
        or (isinstance(value, float) and isfinite(value))
        or (isinstance(value, str) and "$" not in value)
    ):
        raise ValueError("needed is true, false, a number, or text without a dollar sign")
    return value


_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_of_a_template)]
#: By what the template calls it. (In verl's configuration a dollar sign may begin what is computed.)
ChatTemplateKwargs = dict[_Name, Annotated[bool | int | float | str, BeforeValidator(_plain_value)]]


def unread(template: str, names: Iterable[str]) -> list[str]:
    """Those of the ``names`` that do not occur in a chat template: a template passes over what it does not know."""
    words = set(re.findall(r"\w+", template))
    return [name for name in names if name not in words]
