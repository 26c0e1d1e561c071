"""Bad input of the sampling command: one line, status 2, no engine imported; good input: read as written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from workflow.command import run_command
from workflow.sampling.__main__ import main, parse

LINE = '{"id": "q1", "problem": "1+1", "answer": "2"}\n'


@pytest.fixture
def arguments(tmp_path: Path) -> dict[str, str]:
    """A command line without fault, by option."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"max_position_embeddings": 256}')
    (model / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    (model / "model.safetensors").write_bytes(b"")
    (tmp_path / "a.jsonl").write_text(LINE)
    return {
        "--model": str(model),
        "--benchmark": f"my_set={tmp_path / 'a.jsonl'}",
        "--out-dir": str(tmp_path / "out"),
        "--samples": "4",
        "--temperature": "0.6",
        "--top-p": "0.95",
        "--max-tokens": "64",
        "--max-model-len": "128",
        "--seed": "1",
    }


def _flat(arguments: dict[str, str]) -> list[str]:
    return [part for option, value in arguments.items() for part in (option, value)]


def test_good_arguments_are_read_as_given(arguments: dict[str, str]) -> None:
    given = ["--ban", "<consult>", "--ban", "a b", "--dtype", "float32", "--system-prompt", "Be brief.\n\nAnd right."]
    job = parse([*_flat(arguments), *given])
    request = job.request
    assert (request.samples, request.temperature, request.top_p, request.seed) == (4, 0.6, 0.95, 1)
    assert (request.max_tokens, request.max_model_len) == (64, 128)
    assert request.banned == ("<consult>", "a b")
    assert request.dtype == "float32"
    assert request.system_prompt == "Be brief.\n\nAnd right."
    assert (request.stop, request.chat_template_kwargs) == ((), {})
    more = ["--stop", '["a", "--"]', "--chat-template-kwargs", '{"messages_too": true}']
    (Path(arguments["--model"]) / "chat_template.jinja").write_text("{% if messages_too %}{{ messages }}{% endif %}")
    request = parse([*_flat(arguments), *more]).request
    assert (request.stop, request.chat_template_kwargs) == (("a", "--"), {"messages_too": True})
    assert [(b.name, [q.id for q in b.questions]) for b in job.benchmarks] == [("my_set", ["q1"])]
    assert job.draws and job.writes


@pytest.mark.parametrize(("only", "draws", "writes"), [("draw", True, False), ("write", False, True)])
def test_drawing_and_writing_can_be_asked_for_alone(
    arguments: dict[str, str], only: str, draws: bool, writes: bool
) -> None:
    job = parse([*_flat(arguments), "--only", only])
    assert (job.draws, job.writes) == (draws, writes)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--samples", "0", "--samples is 0; it must be an integer of at least 1"),
        ("--samples", "two", "argument --samples: invalid int value: 'two'"),
        ("--temperature", "-1", "--temperature is -1.0; it must be a number of at least 0"),
        ("--temperature", "nan", "--temperature is nan; it must be a number of at least 0"),
        ("--temperature", "0", "--temperature is 0.0; it must be above 0 when --samples is 4"),
        ("--top-p", "0", "--top-p is 0.0; it must be in (0, 1]"),
        ("--max-tokens", "0", "--max-tokens is 0; it must be an integer of at least 1"),
        ("--max-model-len", "64", "--max-model-len is 64; it must be larger than --max-tokens (64)"),
        ("--max-model-len", "257", "it must be at most 256, max_position_embeddings of"),
        ("--seed", "-1", "--seed is -1; it must be an integer of at least 0"),
        ("--ban", " ", "--ban is [' ']; it must be strings that are not blank"),
        ("--dtype", "int8", "argument --dtype: invalid choice: 'int8' (choose from 'auto',"),
        ("--tensor-parallel", "0", "--tensor-parallel is 0; it must be an integer of at least 1"),
        ("--gpu-memory-utilization", "1.5", "--gpu-memory-utilization is 1.5; it must be in (0, 1]"),
        ("--benchmark", "chains_a", "--benchmark is 'chains_a'; it must be NAME=problems.jsonl"),
        ("--system-prompt", " ", "--system-prompt is ' '; it must be text that is not blank"),
        ("--stop", '["a", ""]', "--stop: 1: String should have at least 1 character"),
        ("--stop", "a", "--stop: Expecting value"),
        ("--chat-template-kwargs", "no", "--chat-template-kwargs: Expecting value"),
        (
            "--chat-template-kwargs",
            '{"tokenize": true}',
            "tokenize is the tokenizer's own, and no argument of a template",
        ),
        ("--chat-template-kwargs", '{"thinking": true}', "'thinking' is nothing that the chat template of "),
        ("--only", "grade", "argument --only: invalid choice: 'grade' (choose from 'draw', 'write')"),
        ("--benchmark", "chains_a=nowhere.jsonl", "cannot read nowhere.jsonl: No such file or directory"),
        ("--model", "nowhere", "--model nowhere is not a folder; it must be a Hugging Face checkpoint"),
        ("--colour", "red", "unrecognized arguments: --colour red"),
    ],
)
def test_a_bad_option_is_named_with_what_is_allowed(
    arguments: dict[str, str], option: str, value: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("sampling", main, _flat(arguments | {option: value})) == 2
    output = capsys.readouterr()
    assert output.err.startswith("sampling: ")
    assert output.err.count("\n") == 1
    assert says in output.err
    assert output.out == ""


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "tokenizer_config.json",
            "{}",
            "has no chat template; chat_template.jinja or tokenizer_config.json must hold it",
        ),
        ("tokenizer_config.json", "{", "is not JSON"),
        ("config.json", None, "cannot read"),
        ("model.safetensors", None, "has no weights; *.safetensors or *.bin must be there"),
    ],
)
def test_an_incomplete_checkpoint_is_refused(
    arguments: dict[str, str], name: str, content: str | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(arguments["--model"]) / name
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    assert run_command("sampling", main, _flat(arguments)) == 2
    assert says in capsys.readouterr().err


def test_scaled_rotary_positions_may_reach_beyond_the_config(arguments: dict[str, str]) -> None:
    config = {"max_position_embeddings": 256, "rope_parameters": {"rope_type": "yarn", "factor": 4.0}}
    (Path(arguments["--model"]) / "config.json").write_text(json.dumps(config))
    assert parse(_flat(arguments | {"--max-model-len": "1024"})).request.max_model_len == 1024


def test_bad_input_imports_no_engine(arguments: dict[str, str]) -> None:
    code = (
        "import sys; from workflow.sampling.__main__ import main; from workflow.command import run_command;"
        "status = run_command('sampling', main, sys.argv[1:]);"
        "print(status, sorted({'torch', 'vllm', 'lm_eval', 'transformers'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, *_flat(arguments | {"--samples": "0"})]
    process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert process.stdout == "2 []\n"


def test_a_benchmark_is_given_once(arguments: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("sampling", main, [*_flat(arguments), "--benchmark", arguments["--benchmark"]]) == 2
    assert "--benchmark my_set is given twice" in capsys.readouterr().err
