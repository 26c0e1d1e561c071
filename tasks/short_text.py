r"""Problems whose answer is a word or a few: a name, yes or no, a title.

A response is right if what its box holds (:mod:`tasks.boxes`) is the reference answer as plain text
(:mod:`tasks.plain_text`), and nothing else: "Yes, because all are" is not "Yes", and neither is "True". There is no
credit for a part of it, nor for naming several.
"""

from tasks.base import Task
from tasks.boxes import boxed_answer, is_placeholder
from tasks.characters import shortened
from tasks.plain_text import plain


class ShortText(Task):
    """A few words in a box; what they may be, the problem says ("Answer yes or no")."""

    name = "short_text"
    instruction = "Please reason step by step, and put your final answer, and nothing else, within \\boxed{}."

    def extract(self, response: str) -> str | None:
        """The boxed words as plain text, of at most 80 characters, else None."""
        content = boxed_answer(response)
        return None if content is None else shortened(plain(content) or content.strip())

    def normalise(self, answer: str) -> str:
        """``'Alice.'`` to ``'alice'``; raises ValueError for more than 80 characters, or what could be no answer."""
        text = plain(answer)
        if not text or text != shortened(text) or is_placeholder(text):
            raise ValueError(
                f"answer {shortened(answer)!r} is no short text: at most 80 characters are allowed, and no word that "
                "stands for an answer in general (answer, result, correct, …)"
            )
        return text
