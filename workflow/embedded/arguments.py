"""What a model of the embedded world may be: the options of its pre-training, and what it reads. Imports no engine."""

import argparse
from collections.abc import Callable
from typing import Literal, get_args

#: Of a head of attention; a width is a multiple.
HEAD_SIZE = 32
#: The longest text a model is asked to continue, in tokens; a problem with a consultation takes about 120.
CONTEXT = 256
#: How a chat is written down. The newline that ends a user's message is also what asks for the assistant's.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% else %}{{ '\\n' }}{% endif %}{% endfor %}"
)

#: What the replies hold that a policy is shown: chains with their steps, or their results alone.
Replies = Literal["steps", "results"]
#: Reads a value of a command line.
Convert = Callable[[str], float | str]


def number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    """A converter for argparse: a number of ``kind`` between ``low`` and ``high``, both allowed."""
    name = "an integer" if kind is int else "a number"

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {name}") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not {name} from {low:g} to {high:g}")
        return value

    return convert


def _width(text: str) -> float:
    value = number(int, HEAD_SIZE, 4096)(text)
    if value % HEAD_SIZE:
        raise argparse.ArgumentTypeError(f"{value} is not a multiple of {HEAD_SIZE}, the size of a head")
    return value


def _one_of(*words: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(words)}")
        return text

    return convert


#: How a model is pre-trained, by the names that an experiment has for it. (Threads are the job's.)
OPTIONS: dict[str, Convert] = {
    "steps": number(int, 1, 10**7),
    "width": _width,
    "layers": number(int, 1, 64),
    "lr": number(float, 0, 1),
    "batch_size": number(int, 1, 10**5),
    "known_fraction": number(float, 0, 1),
    "wrong_fraction": number(float, 0, 1),
    "consult_fraction": number(float, 0, 1),
    "replies": _one_of(*get_args(Replies)),
}


def check_options(options: dict[str, int | float | str]) -> None:
    """Raises ValueError for an option that pre-training does not have, or a value that it does not take."""
    for name, value in options.items():
        if name not in OPTIONS:
            raise ValueError(f"{name!r} is no option of pre-training; allowed are {', '.join(OPTIONS)}")
        try:
            OPTIONS[name](str(value))
        except argparse.ArgumentTypeError as error:
            raise ValueError(f"{name}: {error}") from error
