"""What a chat template is told beside the chat: whether the model is to think, say (``{enable_thinking: false}``)."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

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


_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_of_a_template)]
#: By what the template calls it. (In verl's configuration a dollar sign may begin what is computed.)
ChatTemplateKwargs = dict[_Name, bool | int | float | Annotated[str, StringConstraints(pattern=r"^[^$]*$")]]


def unread(template: str, names: Iterable[str]) -> list[str]:
    """Those of the ``names`` that do not occur in a chat template: a template passes over what it does not know."""
    words = set(re.findall(r"\w+", template))
    return [name for name in names if name not in words]
