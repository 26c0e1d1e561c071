"""Finding a program in a response."""

import time

import pytest

from tasks.fences import program

WHOLE = "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    ("response", "found"),
    [
        (f"Here it is.\n```python\n{WHOLE}```\nDone.", WHOLE),
        (f"```\n{WHOLE}```", WHOLE),
        (f"```Python3 title=a\n{WHOLE}```", WHOLE),
        (f"~~~py\n{WHOLE}~~~", WHOLE),
        (f"  ```python\n{WHOLE}  ```", WHOLE),
        (f"````python\n{WHOLE}```\n````", f"{WHOLE}```\n"),
        # In a list, deeper and not.
        ("1. So:\n   ```python\n   def f(x):\n       return x\n   ```", WHOLE),
        ("- So:\n    ```python\n    def f(x):\n\n        return x\n    ```\n", "def f(x):\n\n    return x\n"),
        ("- So:\n      ```python\n      def f(x):\n          return x\n", WHOLE),
        # A documentation's own fences.
        (
            'def f(x):\n    """\n    ```\n    f(1)\n    ```\n    """\n',
            'def f(x):\n    """\n    ```\n    f(1)\n    ```\n    """\n',
        ),
        (f"```python\n\ufeff{WHOLE}```", WHOLE),
        # Cut at the token limit.
        (f"```python\n{WHOLE}", WHOLE),
        # The last one that defines something: neither the example of a call, nor its output, nor another language.
        (f"```python\ndef g(): pass\n```\n```python\n{WHOLE}```\n```python\nprint(f(1))\n```\n```\n1\n```", WHOLE),
        (f"```python\n{WHOLE}```\n```bash\ndef f() {{ true; }}\n```", WHOLE),
        ("```python\n    return 1\n```\n```python\n    return x\n```", "    return x\n"),
        # Without a fence.
        (f"The function is:\n\n{WHOLE}", WHOLE),
        (f"import os\n{WHOLE}", f"import os\n{WHOLE}"),
        ("from typing import List\nx = 1", "from typing import List\nx = 1"),
        ("@cache\ndef f(): pass", "@cache\ndef f(): pass"),
        (f"So:\n\nMOST = 10**9 + 7\n\n{WHOLE}", f"MOST = 10**9 + 7\n\n{WHOLE}"),
        (f"try:\n    import numpy\nexcept ImportError:\n    pass\n{WHOLE}",) * 2,
        # As far as it is Python.
        (f"{WHOLE}```\n", WHOLE),
        (f"Sure! ```python\n{WHOLE}```\nIt doesn't do more.", WHOLE),
        (f"{WHOLE}\nExplanation: it returns x.\n\n{WHOLE}", f"{WHOLE}\n"),
        (f"{WHOLE}>>> f(1)\n1\n", WHOLE),
        (f"```plaintext\n{WHOLE}```\nDone", WHOLE),
        ("def f(x) return x\nso", "def f(x) return x\nso"),
        (f"MOST = 3 apples\n\n{WHOLE}", WHOLE),
        (f"Let us\ntry:\n{WHOLE}", WHOLE),
        # Ends of lines are Markdown's and Python's, and no others.
        ("```python\r\ndef f(x):\r\n    return 'a\u2028b\x0c'\r\n```", "def f(x):\r\n    return 'a\u2028b\x0c'\r\n"),
        ("    return 'a\u2028b'\n", "    return 'a\u2028b'\n"),
        ("    return '\ud800'\n", "    return '\ud800'\n"),
        ("    return f'''\nhello {x}\n'''\nSo\n", "    return f'''\nhello {x}\n'''\n"),
        # The continuation of a signature, as far as it is indented.
        ("    y = x\n\n    return y\n\nprint(f(1))\n    z", "    y = x\n\n    return y\n\n"),
        ("\n\n    return x", "    return x"),
        # It goes on behind comments and closing brackets, and ends where another function or an import begins.
        (
            "    y = [\n        1\n]\n# so\n    return y\n\n\ndef g(): pass",
            "    y = [\n        1\n]\n# so\n    return y\n\n\n",
        ),
        ("    return x\n\nimport unittest\n", "    return x\n\n"),
        # Within a string lines begin as they like.
        (
            "    text = '''\nDear $name,\n\nhello\n'''\n    return text\n\nIt isn't more than \"\"\" so.\n    x\n",
            "    text = '''\nDear $name,\n\nhello\n'''\n    return text\n\n",
        ),
        ('    return x\n\nNobody closes """\nthis\n', "    return x\n\n"),
        # Prose and comments are none.
        (f" Here it is:\n\n{WHOLE}", WHOLE),
        (f"   Here it is:\n\n{WHOLE}", WHOLE),
        (f"  1. The sum of both.\n\n{WHOLE}", WHOLE),
        (f"    # So:\n{WHOLE}", WHOLE),
        # A file's name is no language.
        (f"```python:f.py\n{WHOLE}```", WHOLE),
        # Only what follows the thoughts.
        (f"<think>```python\ndef g(): pass\n```</think>\n{WHOLE}", WHOLE),
        # Code in a line is no block.
        (f"Use ```f(x)``` so:\n{WHOLE}", WHOLE),
        ("```f(x)```", None),
        ("I do not know.", None),
        ("", None),
        (" \n", None),
        ("```python\n```", None),
        ("```json\n{}\n```", None),
        ("from what we know it follows", None),
        ("import is the word", "import is the word"),
    ],
)
def test_the_program_of_a_response(response: str, found: str | None) -> None:
    assert program(response) == found


BODY = "    def g(x):\n        return x\n    return g(x)\n"
TESTS = "def test_f():\n    assert f(1) == 1\n"


@pytest.mark.parametrize(
    ("blocks", "names", "which"),
    [
        ([WHOLE, TESTS], ["f"], 0),
        ([WHOLE, TESTS], ["g"], 1),
        ([WHOLE, TESTS], [], 1),
        (["    return x\n", TESTS], ["f"], 0),
        (["f = lambda x: x\n", TESTS, "f(1) == 1\n"], ["f"], 0),
        (["f: Any = g\n", "assert f(1) == 1\n"], ["f"], 0),
        (["if True:\n    def f(x): return x\n", "f(1)\n"], ["f"], 0),
        ([f"{WHOLE}def g(x): pass\n", WHOLE], ["f", "g"], 0),
        ([WHOLE, WHOLE.replace("x", "y"), "print(f(1))\n"], ["f"], 1),
        ([WHOLE, "def f(x: int) -> int:\n"], ["f"], 0),
        ([WHOLE, 'def f(x):\n    """The sum\n    of it."""\n    ...\n'], ["f"], 0),
        (["def f(x): pass\n", "    return x\n"], ["f"], 1),
        (["def f(x): return x\n", "def f(x): pass\n"], ["f"], 0),
        (["def f(x): pass\n"], ["f"], 0),
    ],
)
def test_of_several_blocks_the_one_counts_that_defines_most_of_what_is_asked_for(
    blocks: list[str], names: list[str], which: int
) -> None:
    assert program("\n".join(f"```python\n{block}```" for block in blocks), names) == blocks[which]


@pytest.mark.parametrize(
    ("response", "found"),
    [
        # A fence that closes nothing opens one.
        (f"{WHOLE}```\n\nIt returns x.", WHOLE),
        (f"Here:\n\n{WHOLE}\nFor example:\n```python\nassert f(1) == 1\n```", f"{WHOLE}\n"),
        ("  Here is the body:\n\n```python\n    return x\n```", "    return x\n"),
        # A program that is indented as a whole continues nothing.
        ("```python\n    import re\n\n    def f(x):\n        return x\n```", f"import re\n\n{WHOLE}"),
        (f"```python\n{BODY}```", BODY),
        (f"```python\n{BODY.replace('g(x)', 'f(x)')}```", BODY.replace("g(x)", "f(x)")),
        ("```python\nprint(f(1))\n```\nimport re", "print(f(1))\n"),
    ],
)
def test_the_program_that_defines_what_is_asked_for(response: str, found: str) -> None:
    assert program(response, ["f"]) == found


@pytest.mark.parametrize(
    "behind",
    [
        "```\n\nThis adds one.\n",
        "\nExample:\n```python\nf(1)\n```\n",
        f"\n```python\n{TESTS}```\n",
        "\ndef g(): pass\n",
    ],
)
def test_a_continuation_goes_before_what_stands_behind_it(behind: str) -> None:
    body = '    """\n    ```\n    f(1)\n    ```\n    """\n    return x\n'
    assert (program(f"{body}{behind}", ["f"]) or "").rstrip() == body.rstrip()
    better = f"```python\n{WHOLE}```\n"
    assert program(f"{body}\n{better}", ["f"]) == WHOLE


@pytest.mark.parametrize(
    "response",
    [
        "`" * 10**6,
        "```\n" * 250_000,
        "~~~ \n```\n" * 100_000,
        "def " * 250_000,
        "def f" * 200_000,
        "from a" * 150_000,
        "@" * 10**6,
        "    x\n" * 150_000,
        "\n" * 10**6,
        "```" + " " * 10**6 + "x",
        "    '''\n" + "x\n" * 150_000,
        "    \"'" * 100_000,
        "    (\n" * 100_000,
        "    x" + " " * 10**6 + "?",
        "    '" + "\\'" * 500_000,
        "    " + "'''" * 300_000 + '\n"""',
        "import a" + ".a" * 500_000,
        "ABC = f'" + "{a}" * 300_000 + "'",
        "```\ndef f(x): pass\n```\n" * 50_000,
        "def f(x):\n" + "    x\n" * 150_000 + "So it is.",
    ],
    ids=range(20),
)
def test_hostile_responses_are_read_in_linear_time(response: str) -> None:
    began = time.process_time()
    program(response)
    assert time.process_time() - began < 5.0
