"""What a run has to know of its policy's tokens: which end a turn, and whether the grammar's tags can be written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eapo_verl.method.grammar import Tags
from eapo_verl.settings.chat_template import unread
from eapo_verl.settings.method import Consultation
from eapo_verl.settings.run import AnyRun, RunError


def end_tokens(policy: Path, tokenizer: Any) -> frozenset[int]:
    """Ids of the tokens with which the policy may end a turn.

    The tokenizer's own ``eos_token_id``, and where the model's ``generation_config.json`` (or without one its
    ``config.json``) names others (Gemma's ``<end_of_turn>``, Phi's ``<|end|>``), these as well: vLLM stops at each.
    """
    named: Any = None
    for name in ("generation_config.json", "config.json"):
        path = policy / name
        if path.exists():
            named = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id")
            break
    ids = named if isinstance(named, list) else [named]
    return frozenset(one for one in (*ids, tokenizer.eos_token_id) if one is not None)


def ban(tokenizer: Any, text: str) -> dict[str, Any]:
    """vLLM's sampling parameters under which ``text`` is not written; a single token by a bias, which costs less."""
    token = only_token(tokenizer, text)
    return {"bad_words": [text]} if token is None else {"logit_bias": {token: -100.0}}


def only_token(tokenizer: Any, text: str) -> int | None:
    """The id of the token that is ``text``; None where the text is several."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    return int(ids[0]) if len(ids) == 1 else None


def prompt_ids(tokenizer: Any, chat: Any, told: Mapping[str, Any]) -> Any:
    """The token ids of a chat behind which the policy is to write, or of each of a list of chats.

    Args:
        tokenizer: the policy's, with its chat template.
        chat: messages, or a list of such lists.
        told: what the template is told beside the chat.
    """
    return tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False, **told)


def check_tags(consultation: Consultation, tokenizer: Any, policy: Path) -> None:
    """Refuse tags that the policy cannot write so that they are read.

    A turn is decoded without the tokenizer's special tokens, and a character that it does not know is none either.

    Raises:
        RunError: a tag, or the separator, is lost in encoding and decoding.
    """
    if not consultation.possible:
        return
    tags = consultation.tags
    for name in type(tags).model_fields:
        text = getattr(tags, name)
        if text not in tags.structure:
            continue
        ids = tokenizer.encode(text, add_special_tokens=False)
        if (text.strip() or text) not in tokenizer.decode(ids, skip_special_tokens=True):
            special = ", a special token of it" if text in special_tokens(tokenizer) else ""
            raise RunError(
                f"consultation.tags.{name}: {text!r} is lost when the tokenizer of {policy} encodes and decodes it"
                f"{special}; allowed is text that it keeps"
            )


def check_chat_template(settings: AnyRun, tokenizer: Any) -> None:
    """Refuse arguments that the policy's chat template passes over. Raises RunError."""
    # A tokenizer may have several templates, by name.
    for name in unread(str(tokenizer.chat_template), settings.chat_template_kwargs):
        raise RunError(f"chat_template_kwargs: {name!r} is nothing that the chat template of {settings.policy} reads")


def forbidden_words(tags: Tags, tokenizer: Any) -> tuple[str, ...]:
    """What no expert's words may bring into the policy's context: the grammar's tags, and added tokens."""
    return tuple(sorted({*tags.markup, *added_tokens(tokenizer)}))


def added_tokens(tokenizer: Any) -> tuple[str, ...]:
    """Every text that the tokenizer reads as one token whatever stands around it: ``<|im_end|>``, ``<think>``.

    Not those of white space alone, which some tokenizers have too: to take them out would join words.
    """
    added = (token.content for token in tokenizer.added_tokens_decoder.values())
    return tuple(sorted(text for text in {*added, *tokenizer.all_special_tokens} if text.strip()))


def special_tokens(tokenizer: Any) -> tuple[str, ...]:
    """Those of the added tokens that are no text to the policy either, and that it must not learn to write in one."""
    special = (token.content for token in tokenizer.added_tokens_decoder.values() if token.special)
    return tuple(sorted({*special, *tokenizer.all_special_tokens} - {""}))
