"""Keys in error lines: what looks like one is not printed, and what does not is."""

import pytest

from eapo_verl.experts.api_keys import read_headers
from eapo_verl.settings.base import Endpoint
from eapo_verl.settings.errors import one_line
from eapo_verl.settings.redaction import others_words, redacted
from workflow.models import Expert

#: In the forms that makers of keys give them; none of them is one.
KEYS = [
    "sk-proj-abcDEF0123456789_-x", "sk-ant-api03-abcdef", "sk-or-v1-0123456789abcdef0123456789abcdef", "sk-1234",
    "gsk_abcdefghijklmnop", "hf_abcdefGHIJKLmnop", "xai-abcdefgh1234", "nvapi-abc_DEF-123456", "pplx-0123456789abcdef",
    "r8_abcdefghij", "ghp_abcdefghij0123456789", "glpat-abcdefghij", "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA-abc_def-0123456789",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_DEF", "0123456789abcdef0123456789abcdef",
    "Zm9vYmFyMTIzNDU2Nzg5MGFi", "550e8400-e29b-41d4-a716-446655440000", "sk-abcd****wxyz",
]  # fmt: skip
#: Of error lines as they are.
PLAIN = [
    "models.policy.path: /models/7ae557604adf67be50417f59c2c2f167def9a775 does not exist",
    "does not offer model 'm'; it offers 2: 'Qwen/Qwen2.5-Math-7B-Instruct', 'deepseek-r1-distill-llama-70b:free'",
    "expert a at http://127.0.0.1:8000/v1: cannot be reached (ConnectionRefusedError)",
    "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead. [/INST] invalid_request_error",
    "training.budget.prompts_per_step (12) has to be a multiple of mini_batches (5)",
    "environment variable OPENAI_API_KEY (api_key_env) is not set",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "around", ["{}", "got {!r}", "bad key {}.", '{{"code":"{}"}}', "Bearer {}", "http://h/v1?a={}&b=1"]
)
def test_what_looks_like_a_key_is_removed(key: str, around: str) -> None:
    said = redacted(around.format(key))
    assert key not in said and "(removed)" in said


@pytest.mark.parametrize("text", PLAIN)
def test_what_does_not_is_kept(text: str) -> None:
    assert redacted(text) == text == others_words(text)


def test_a_known_secret_is_removed_whatever_it_looks_like() -> None:
    assert redacted("a: open sesame!", ["open sesame", "", "open"]) == "a: (removed)!"
    assert others_words('"a\\/b"\n\x1b[2J  c' + "x " * 400, ["a/b"])[:20] == '"(removed)" [2J cx x'
    assert len(others_words("x " * 400)) == 300


@pytest.mark.parametrize(
    "echo", ["OPEN-SESAME", "open%2Dsesame", "open&#45;sesame", "open\\u002dsesame", "open-\u200bsesame"]
)
def test_a_known_secret_is_removed_however_others_write_it(echo: str) -> None:
    assert others_words(f"no {echo}.", ["open-sesame"]) == "no (removed)."


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://user:pass@w/rd@h/v1", "https://(removed)"),
        ("https://me:p@ss@host/v1", "https://(removed)@host/v1"),
        ("https://host/v1?key=x&sig=y", "https://host/v1?key=(removed)&sig=(removed)"),
    ],
)
def test_an_address_shows_neither_user_nor_query(url: str, said: str) -> None:
    assert redacted(url).startswith(said)


REMOTE = {"name": "a", "base_url": "http://h/v1", "model": "m"}


@pytest.mark.parametrize(
    ("fields", "secret"),
    [
        ({"base_url": "https://user:open-sesame@host/v1"}, "sesame"),
        ({"base_url": "https://host/v1?key=open-sesame"}, "sesame"),
        ({"base_url": "sk-open-sesame"}, "sesame"),
        ({"api_key_env": "open-sesame"}, "sesame"),
        ({"api_key_env": ["open-sesame"]}, "sesame"),
        ({"api_key": "opensesame"}, "sesame"),
        ({"headers": {"Authorization": "Bearer opensesame"}}, "sesame"),
        ({"headers_env": {"X-Key": "open sesame"}}, "sesame"),
        ({"headers_env": "opensesame"}, "sesame"),
        ({"model": ["sk-open-sesame"]}, "sesame"),
    ],
)
@pytest.mark.parametrize("schema", [Endpoint, Expert])
def test_a_key_in_a_wrong_place_is_in_no_error_line(schema: type, fields: dict, secret: str) -> None:
    with pytest.raises(ValueError) as caught:
        schema(**(REMOTE | fields))
    said = one_line("my.yaml", caught.value)
    assert said.startswith("my.yaml: ") and next(iter(fields)) in said
    assert secret not in said and "\n" not in said


@pytest.mark.parametrize(
    "key", ["opensesame", "AKIAIOSFODNN7EXAMPLE", "hf_abcdefGHIJKLmnop", "A1B2C3D4E5F6A7B8C9D0E1F2"]
)
def test_a_key_in_place_of_its_variable_s_name_is_not_printed(key: str) -> None:
    for wrong in ({"api_key_env": key}, {"headers_env": {"X-Key": key}, "api_key_env": None}):
        with pytest.raises(ValueError, match=r"expert a: environment variable .*is not set") as caught:
            read_headers(Endpoint(**(REMOTE | wrong)))
        assert key not in str(caught.value)
