"""Programs that try to pass without being right: none does, and nothing happens to the host."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.sandbox import Judge, NoValue, SandboxError, Suite, Verdict
from tests.attacks import ATTACKS, HARMLESS, SECRET, TESTS

CPU_S = 1
RIGHT = f"def answer(x): return {SECRET!r}"


def judged(judge: Judge, program: str, tests: str = TESTS, given: str = "") -> Verdict:
    return judge.verdict(program, Suite(given, ("answer",), tests, CPU_S))


@pytest.fixture(scope="module")
def verdicts(sandbox: Judge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Verdict]]:
    """All of them, as many at a time as there are processors, in boxes that started with a secret about them."""
    (tmp_path_factory.mktemp("host") / "secret").write_text(SECRET)
    sandbox.close()
    os.environ["EAPO_SECRET"] = SECRET
    try:
        with ThreadPoolExecutor(sandbox.places) as threads:
            found = threads.map(lambda one: judged(sandbox, one[0]), ATTACKS.values())
            yield dict(zip(ATTACKS, found, strict=True))
    finally:
        del os.environ["EAPO_SECRET"]


@pytest.mark.parametrize("name", ATTACKS)
def test_none_passes_and_each_is_told_by_its_name(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].outcome == ATTACKS[name][1], verdicts[name]


@pytest.mark.parametrize("name", HARMLESS)
def test_nothing_comes_of_it(sandbox: Judge, name: str) -> None:
    program, nothing = HARMLESS[name]
    assert judged(sandbox, program, f"found = answer(0)\nassert found == {nothing!r}, found") == Verdict("passed")


def test_a_right_program_passes_after_all_of_them(verdicts: dict[str, Verdict], sandbox: Judge) -> None:
    assert [judged(sandbox, RIGHT).outcome for _ in range(2 * sandbox.places)] == ["passed"] * 2 * sandbox.places


def test_nothing_is_left_in_a_box(sandbox: Judge) -> None:
    left = "import os\nopen('left', 'w').write('x')\nos.mkdir('/tmp/folder')\nos.symlink('/', '/tmp/link')\n"
    looks = "import os\ndef answer(x): return os.listdir('/tmp')"
    for _ in range(sandbox.places):
        judged(sandbox, left + RIGHT)
    assert judged(sandbox, looks, "assert answer(0) == []").outcome == "passed"


def test_a_box_whose_process_cannot_be_confined_is_no_programs_fault(
    sandbox: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than the host has: the process ends before anybody's code came.
    monkeypatch.setattr("tasks.sandbox.pair.MEMORY", -(2**70))
    with pytest.raises(SandboxError, match="3 boxes have died, one after the other, and of no program"):
        judged(sandbox, RIGHT)
    monkeypatch.undo()
    assert judged(sandbox, RIGHT).outcome == "passed"


def test_no_network(sandbox: Judge) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        program = (
            f"import socket\ndef answer(x):\n    try: socket.create_connection(('127.0.0.1', {port}), 1)\n"
            "    except OSError as error: return type(error).__name__"
        )
        assert judged(sandbox, program, "assert answer(0) == 'PermissionError'").outcome == "passed"
        with pytest.raises(TimeoutError):
            server.accept()


def test_what_is_in_a_box(sandbox: Judge) -> None:
    program = (
        "import os\nimport numpy\ndef answer(x):\n"
        "    return [os.getpid() > 1, os.getppid(), os.getuid(), os.listdir('/'), os.listdir('/tmp'), os.getcwd()]"
    )
    known = {"box", "dev", "tmp", "usr", "lib", "lib32", "lib64", Path(sys.base_prefix).parts[1]}
    tests = (
        "own, parent, user, top, private, folder = answer(0)\n"
        "assert own and parent == 1 and user == 65534 and private == [] and folder == '/tmp'\n"
        f"assert set(top) <= {known!r}, top\n"
    )
    assert judged(sandbox, program, tests) == Verdict("passed")


@pytest.mark.parametrize(
    "tests",
    [
        "for got in map(answer, [1, 2]): assert got == 'x'",
        "assert all(answer(x) == 'x' for x in [1])",
        "import itertools\nfor got in itertools.chain([answer(1)]): assert got == 'x'",
    ],
)
@pytest.mark.parametrize("error", ["StopIteration", "GeneratorExit", "SystemExit", "KeyboardInterrupt"])
def test_an_exception_ends_no_loop_of_the_tests(sandbox: Judge, tests: str, error: str) -> None:
    assert judged(sandbox, f"def answer(x): raise {error}", tests).outcome == "raised"


@pytest.mark.parametrize("error", ["SystemExit(1)", "Own()", "AssertionError('own')", "Claim('own')"])
def test_what_no_test_expects_is_raised(sandbox: Judge, error: str) -> None:
    program = "class Own(BaseException): pass\nclass Claim(AssertionError): pass\ndef answer(x): raise "
    assert judged(sandbox, program + error, "assert answer(1) == 1").outcome == "raised"
    if error in ("SystemExit(1)", "Own()"):
        expected = "try: answer(1)\nexcept Exception: pass\nelse: assert False"
        assert judged(sandbox, program + error, expected).outcome == "raised"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        ("ValueError('below 0')", "ValueError as error: assert str(error) == 'below 0'"),
        ("Own('below 0')", "ValueError as error: assert error.args == ('below 0',)"),
        ("KeyError('a')", "KeyError as error: assert error.args == ('a',)"),
        ("KeyError((1, 'a'))", "KeyError as error: assert error.args == ((1, 'a'),)"),
        ("KeyError('a', 2)", "KeyError as error: assert str(error) == \"('a', 2)\""),
        ("ValueError", "ValueError as error: assert error.args == ()"),
        ("ValueError('a', 5)", "ValueError as error: assert error.args == ('a', 5)"),
        ("Known('n')", "Known as error: assert str(error) == 'too n' and error.args == ('too n',)"),
        ("ValueError(object())", "ValueError as error: assert str(error).startswith('<object')"),
        ("Key('no such')", "KeyError as error: assert str(error) == 'no such'"),
        ("KeyError(object())", "KeyError as error: assert str(error).startswith('<object')"),
        ("UnicodeDecodeError('utf-8', b'x', 0, 1, 'why')", "UnicodeDecodeError as error: assert 'why' in str(error)"),
        ("ValueError('x' * 999)", "ValueError as error: assert len(str(error)) == 999"),
    ],
)
def test_an_exception_that_a_test_expects_is_that_exception(sandbox: Judge, raised: str, expected: str) -> None:
    tests = f"try: answer(-1)\nexcept {expected}\nelse: assert False"
    own = "class Own(ValueError): pass\nclass Key(KeyError):\n    def __str__(self): return self.args[0]\n"
    program = f"{own}def answer(x): raise {raised}"
    given = "class Known(ValueError):\n    def __init__(self, what): super().__init__(f'too {what}')\n"
    assert judged(sandbox, program, tests, given).outcome == "passed"
    assert judged(sandbox, "def answer(x): raise TypeError('below 0')", tests, given).outcome == "raised"


@pytest.mark.parametrize(
    ("given", "tests"),
    [
        # A type of the tests' own is nothing that a program can raise.
        ("", "class Done(Exception): pass\ntry:\n    assert answer(1) == 1\n    raise Done\nexcept Done: pass"),
        ("class Done(StopIteration): pass", "assert all(map(lambda x: answer(x) == x, [1]))"),
        ("class Done(Exception):\n    def __init_subclass__(cls, must): pass\n    def __str__(self): return ''",
         "try: answer(1)\nexcept TypeError: pass\nelse: assert False"),
    ],
)  # fmt: skip
def test_an_exception_takes_no_way_of_the_tests_own(sandbox: Judge, given: str, tests: str) -> None:
    program = "class Done(Exception): pass\ndef answer(x): raise Done(object())"
    assert judged(sandbox, program, tests, given).outcome == "raised"


def test_a_forged_exception_of_unicode_ends_nobody(sandbox: Judge) -> None:
    forged = "UnicodeDecodeError('utf-8', b'x', -10**12, -10**12 + 1, 'why')"
    expected = "try: answer(1)\nexcept UnicodeDecodeError: pass"
    assert judged(sandbox, f"def answer(x): raise {forged}", expected).outcome in ("passed", "ended")


def test_a_program_meets_the_same_chance_each_time(sandbox: Judge) -> None:
    program = "import random\ndef answer(x): return random.random()"
    drawn = {sandbox.value(program, "answer", [1], CPU_S) for _ in range(3)}
    assert len(drawn) == 1


@pytest.mark.parametrize(
    ("compare", "outcome"),
    [
        ("assert_array_equal(answer(1), 5)", "failed"),
        ("assert_almost_equal(answer(1), 5, decimal=3)", "failed"),
        ("assert_array_almost_equal(answer(1), 5)", "failed"),
        ("assert_allclose(desired=5, actual=answer(1))", "failed"),
        ("assert_array_equal(answer(1), [])", "passed"),
        ("assert_equal(np.array(answer(1)), 5)", "failed"),
        ("assert_array_equal([0, 0, *answer(1)], 0)", "passed"),
        ("assert_equal([[1], [2, 3], answer(1)], [[1], [2, 3], []])", "passed"),
    ],
)
def test_no_empty_list_is_equal_to_a_number(sandbox: Judge, compare: str, outcome: str) -> None:
    found = judged(sandbox, "def answer(x): return []", f"import numpy as np\nnp.testing.{compare}")
    assert found.outcome == outcome


@pytest.mark.parametrize(
    ("tests", "outcome"),
    [
        ("assert True", "broken"),
        ("assert answer(lambda: 0) == 1", "broken"),
        ("try:\n    answer(open)\nexcept:\n    pass", "broken"),
        ("assert answer(1) == 1\nassert absent(2)", "failed"),
        ("import absent\nassert answer(1) == 1", "broken"),
        ("import os\nos.mkdir('d', 0)\nassert answer(1) == 1", "passed"),
        ("import os\nanswer(1)\nos._exit(0)", "broken"),
        (
            "import os, struct\nsaid = b'[\"perfect\", \"\"]'\nos.write(3, struct.pack('!Ic', len(said), b'V') + said)",
            "broken",
        ),
        ("import time\nanswer(1)\ntime.sleep(99)", "timed_out"),
    ],
)
def test_tests_that_are_broken(sandbox: Judge, tests: str, outcome: str) -> None:
    assert judged(sandbox, "def answer(x): return x", tests).outcome == outcome


def test_what_is_said_is_one_line_that_can_be_shown(sandbox: Judge) -> None:
    found = judged(sandbox, "def answer(x): raise ValueError('a\\n b\\x1b[31m\\ud800' + 'x' * 999)")
    assert found.outcome == "raised" and found.said.startswith("ValueError: a b?[31m?xxx")
    assert len(found.said) <= 200 and found.said.isprintable()
    whole = 'import os, struct\ndef answer(x):\n    said = b\'["E", "E", "\' + \'\u00e9\'.encode() * 2_000_000'
    whole += ' + b\'", "[]"]\'\n'
    whole += (
        "    whole = struct.pack('!Ic', len(said), b'X') + said\n    while whole: whole = whole[os.write(3, whole) :]"
    )
    assert judged(sandbox, whole).outcome == "raised"


@pytest.mark.parametrize(
    ("does", "outcome"),
    [
        ("os._exit(0)", "ended"),
        ("os.kill(os.getpid(), 9)", "ended"),
        ("\n    while True: pass", "timed_out"),
        ("raise ValueError('no')", "raised"),
        ("return object()", "raised"),
        (
            "\n    import signal, time\n    signal.signal(24, signal.SIG_IGN)\n    while time.process_time() < 2: pass",
            "timed_out",
        ),
    ],
)
def test_who_returns_nothing_has_no_value(sandbox: Judge, does: str, outcome: str) -> None:
    with pytest.raises(NoValue) as none:
        sandbox.value(f"import os\ndef f(): {does}", "f", [], CPU_S)
    assert none.value.args[0] == outcome
    assert sandbox.value("def f(x): return {x: [1.5]}", "f", ["a"], CPU_S) == {"a": [1.5]}


def test_what_does_not_cross_has_no_value(sandbox: Judge) -> None:
    for program, arguments in (("def f(x): pass\n" + "#" * 2**22, [1]), ("def f(x): pass", [object()])):
        with pytest.raises(NoValue) as none:
            sandbox.value(program, "f", arguments, CPU_S)
        assert none.value.args[0] == "unsendable"


def test_a_box_ends_with_the_process_that_started_it(sandbox: Judge) -> None:
    program = (
        "from tasks.sandbox import Judge, Suite\n"
        "judge = Judge()\njudge.require()\nprint('ready', flush=True)\n"
        "judge.verdict('def answer(x):\\n    while True: pass', Suite('', ('answer',), 'answer(1)', 100))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        # The process, two of bubblewrap in front of two boxes, a process in each, and what that serves: a program.
        wait_until(lambda: len(descendants(process.pid)) >= 5)
        started = descendants(process.pid)
        process.kill()
    wait_until(lambda: not any(Path(f"/proc/{one}").exists() for one in started))


def test_a_forked_process_has_boxes_of_its_own(sandbox: Judge) -> None:
    judged(sandbox, RIGHT)
    child = os.fork()
    if child == 0:
        # What its copies of sockets say would reach this process's boxes.
        right = judged(sandbox, RIGHT).outcome == "passed"
        sandbox.close()
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert judged(sandbox, RIGHT).outcome == "passed"


def descendants(process: int) -> set[int]:
    """Of a process, by the host's numbers."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = {process}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process}


def wait_until(condition: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + 30
        time.sleep(0.02)
