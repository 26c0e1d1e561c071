"""Tokenizers of models that are made here: a token a word, what a word is being said by a pattern."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, BOS, EOS, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
#: Every vocabulary begins with them.
SPECIAL = (PAD, BOS, EOS, UNKNOWN)


def word_tokenizer(
    words: Sequence[str], pattern: str, tags: Sequence[str], context: int, chat_template: str
) -> PreTrainedTokenizerFast:
    """The tokenizer, which ``AutoTokenizer`` loads once it is saved.

    Args:
        words: of the vocabulary, by their places.
        pattern: a regular expression that matches each word of a text; what is no other of ``words`` becomes ``<unk>``.
        tags: found within words; added tokens, and not special ones, so that decoding keeps them.
        context: the longest text, in tokens.
        chat_template: how a conversation is written down.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {text: place for place, text in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    # Without a decoder, tokens would be joined by spaces.
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        unk_token=UNKNOWN,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    fast.add_tokens([AddedToken(tag, normalized=False, special=False) for tag in tags])
    fast.chat_template = chat_template
    return fast
