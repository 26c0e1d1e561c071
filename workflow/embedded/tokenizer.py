"""The tokenizer of the embedded world: one token a character, one a tag, and one for the beginning of a box.

Tags are *not* special tokens: decoding with ``skip_special_tokens`` keeps them, as a real model's text would. They are
added tokens, which no expert may write; a box is a word like any other.
"""

from transformers import PreTrainedTokenizerFast

from eapo_verl.method.grammar import Tags
from workflow.embedded.arguments import CHAT_TEMPLATE, CONTEXT
from workflow.embedded.problems import COMMON, RARE
from workflow.word_tokenizer import SPECIAL, word_tokenizer

CHARACTERS = "0123456789" + COMMON + RARE + "=,;|} \n"
BOX = "\\boxed{"
# The grammar as it is where an experiment does not say otherwise.
CONSULT_OPEN, CONSULT_CLOSE, REPLY_OPEN, REPLY_CLOSE = Tags().markup
UNAVAILABLE = Tags().unavailable
TAGS = (CONSULT_OPEN, CONSULT_CLOSE, REPLY_OPEN, REPLY_CLOSE, UNAVAILABLE)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer, which ``AutoTokenizer`` loads once it is saved. Other characters become ``<unk>``."""
    return word_tokenizer((*SPECIAL, *CHARACTERS, BOX), r"\\boxed\{|[\s\S]", TAGS, CONTEXT, CHAT_TEMPLATE)
