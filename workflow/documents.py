"""Files of YAML that people write, read strictly: nothing in them is lost, or taken for something else.

YAML takes the last of two equal keys, makes dates and bytes of words, and lets a value hold itself. Here each is an
error that names the key. What comes out is plain: mappings by words, lists, texts, numbers, truth values and null, and
no more of it than fits on the command lines of jobs.

``python -m workflow.documents FILE`` checks an experiment's file before Snakemake reads it.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from eapo_verl.settings.errors import one_line
from workflow.command import BadInput, run_command

#: Bytes of a file, comments included.
LARGEST_FILE = 2**20
#: Characters of all texts and keys; Linux takes 128 KiB as one argument, and what is quoted there grows.
LONGEST_TEXTS = 2**15
#: Values in all, those behind an alias each time, and how deep they may lie in each other.
MOST_VALUES, DEEPEST = 10_000, 32

_MERGE = "tag:yaml.org,2002:merge"
# All but tab and line breaks; and halves of characters, which no file holds.
_UNUSABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class DocumentError(ValueError):
    """What is wrong with a document: key, value, what is allowed."""


class _Loader(yaml.SafeLoader):
    """Refuses a mapping that has a key twice, or that merge keys (``<<: [*a, *a]``, level upon level) make endless."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        # Keys of each mapping, those that it merges counted each time.
        self._sizes: dict[yaml.Node, int] = {}

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Here and not where values are made: by then, merge keys are in the mapping.
        node = super().compose_mapping_node(anchor)
        seen = set()
        self._sizes[node] = len(node.value)
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _refused(key, f"{key.value!r} stands there twice")
                seen.add(key.value)
            if key.tag == _MERGE:
                merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
                self._sizes[node] += sum(self._sizes.get(one, 0) for one in merged)
                if self._sizes[node] > MOST_VALUES:
                    raise _refused(key, f"{key.value!r} brings more than {MOST_VALUES} keys")
        return node


def _refused(key: yaml.Node, why: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(problem=why, problem_mark=key.start_mark)


def one_line_of(settings: Mapping[str, Any]) -> str:
    """Settings as YAML in one line, for the command line of a job. Not JSON: YAML reads its 1e-05 as text."""
    # libyaml's writes the same as PyYAML's own, in a fifth of its time; its width is a C integer.
    text: str = yaml.dump(settings, Dumper=yaml.CSafeDumper, default_flow_style=True, width=2**31 - 1)
    return text.rstrip()


def read_document(path: Path, longest_texts: int = LONGEST_TEXTS) -> Any:
    """What a file of YAML holds, its texts of so many characters at most together.

    Raises:
        DocumentError: it is no YAML, or holds what is not plain.
        OSError: it cannot be read.
        UnicodeDecodeError: it is not UTF-8.
    """
    if path.exists() and not path.is_file():
        raise DocumentError("it is no file")
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise DocumentError(f"it is larger than {LARGEST_FILE} bytes")
    text = content.decode("utf-8")
    try:
        document = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise DocumentError(str(error)) from error
    except RecursionError as error:
        raise DocumentError(f"values lie more than {DEEPEST} deep in each other") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # What PyYAML's constructors raise for 2026-02-30, "!!bool maybe" and the like.
        raise DocumentError(f"a value is not what its tag says: {error}") from error
    check_plain(document, longest_texts)
    return document


def check_plain(document: Any, longest_texts: int = LONGEST_TEXTS) -> None:
    """Check that there is nothing but plain values, and not too much.

    Raises:
        DocumentError: names the key.
    """
    texts = 0
    for number, (key, value) in enumerate(_values(document)):
        texts += len(value) if isinstance(value, str) else 0
        complaint = _complaint(value)
        if number == MOST_VALUES:
            complaint = f"there are more than {MOST_VALUES} values, those behind an alias counted each time"
        elif texts > longest_texts:
            complaint = f"with {value[:40]!r}… of {len(value)} characters, all texts have more than {longest_texts}"
        if complaint is not None:
            raise DocumentError(f"{key}: {complaint}".removeprefix(": "))


def _complaint(value: Any) -> str | None:
    """What is wrong with one value; None where nothing is."""
    if isinstance(value, str):
        found = _UNUSABLE.search(value)
        return found and f"{value[:40]!r} holds {found[0]!r}, which is no character of a text"
    if isinstance(value, int) and value.bit_length() > 63:
        return f"it is an integer of {value.bit_length()} bits; allowed are 63"
    if not isinstance(value, dict | list | int | float | None):
        return f"{str(value)[:40]} is a {type(value).__name__}; in quotes it would be text"
    return None


def _values(value: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every value with its dotted key, keys among them, in the order of the file."""
    if depth > DEEPEST:
        raise DocumentError(f"{key}: values lie more than {DEEPEST} deep in each other; an alias may hold itself")
    yield key, value
    if isinstance(value, dict):
        for name, one in value.items():
            if not isinstance(name, str):
                shown = str(name).lower() if isinstance(name, bool) else repr(name)[:40]
                raise DocumentError(f"{key}.{shown}: Keys should be strings".lstrip("."))
            yield key or name, name
            yield from _values(one, f"{key}.{name}".lstrip("."), depth + 1)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _values(one, f"{key}.{index}".lstrip("."), depth + 1)


def main(arguments: Sequence[str]) -> None:
    """Checks the file that is named. Raises BadInput."""
    (name,) = arguments
    try:
        read_document(Path(name))
    except (OSError, ValueError) as error:
        raise BadInput(one_line(name, error)) from error


if __name__ == "__main__":
    sys.exit(run_command("experiment", main))
