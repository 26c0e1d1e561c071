"""Bodies that a server may answer with, and what has to become of them."""

import json
from collections.abc import Iterator
from typing import Any

from eapo_verl.experts.reply import Outcome

#: In requests and in what a server echoes.
KEY = "sk-hostile-0123456789"
#: A reply's outcome, with its text (as far as it is shown) where that is answered, else its detail.
Expected = tuple[Outcome, str]
#: Bytes of a text that are shown.
SHOWN = 100


def completion(content: Any = "4", finish_reason: Any = "stop", usage: Any = None, **message: Any) -> dict[str, Any]:
    """A chat completion."""
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {"role": "assistant", "content": content, **message},
    }
    return {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 5} if usage is None else usage}


def bodies() -> Iterator[tuple[str, Any, Expected]]:
    """Bodies of a response that is otherwise in order."""
    no = ("failed", "not a completion")
    yes = ("answered", "4")
    usages = {
        "400 digits": 10**400,
        "below 0": -1,
        "above any": 10**9 + 1,
        "64 bits": 2**64,
        "a word": "many",
        "a list": [7],
        "half a token": 7.5,
    }
    for name, number in usages.items():
        yield f"usage of {name}", completion(usage={"prompt_tokens": 3, "completion_tokens": number}), no
        yield f"prompt usage of {name}", completion(usage={"prompt_tokens": number, "completion_tokens": 5}), no
    yield "usage 1e400", json.dumps(completion(usage={"completion_tokens": "#"})).replace('"#"', "1e400"), no
    yield "usage NaN", json.dumps(completion(usage={"completion_tokens": "#"})).replace('"#"', "NaN"), no
    yield "usage of a million digits", b'{"usage":{"prompt_tokens":' + b"9" * 10**6 + b'},"choices":[]}', no
    yield "usage is a list", completion(usage=[1]), no
    yield "usage of 5.0", completion(usage={"prompt_tokens": 3.0, "completion_tokens": 5.0}), yes
    yield "usage is empty", completion(usage={}), yes
    yield "usage says null", completion(usage={"prompt_tokens": None, "completion_tokens": None}), yes
    yield "no usage", {"choices": completion()["choices"]}, yes

    for name, content in {
        "null": None,
        "nothing": "",
        "blanks": " \n",
        "no parts": [],
        "an image": [{"type": "image"}],
    }.items():
        yield f"content {name}", completion(content), ("failed", "empty reply")
    for name, content in {
        "a number": 4,
        "an object": {"text": "4"},
        "true": True,
        "lists": [["4"]],
        "nulls": [None],
    }.items():
        yield f"content {name}", completion(content), no
    part = {"type": "text", "text": "4"}
    yield "content in a part", completion([part]), yes
    yield "content in parts of several kinds", completion([{"type": "thinking", "thinking": [part]}, part, {}]), yes
    yield "content in strings", completion(["4"]), yes
    yield (
        "content in a million parts",
        b'{"choices":[{"message":{"content":[' + b"{}," * 600_000 + b"{}]}}]}",
        ("failed", "empty reply"),
    )
    yield "thoughts first", completion("<think>3?</think>4"), yes
    yield "thoughts without a beginning", completion("3?</think>4"), yes
    yield "thoughts twice", completion("a</think>3</think>4"), yes
    for name, text in {"closed": "<think>3?</think> ", "open": "\n<think>3? 4"}.items():
        yield f"thoughts alone, {name}", completion(text), ("failed", "thoughts alone")
    for name in ("reasoning_content", "reasoning"):
        yield f"{name} alone", completion(None, **{name: "4"}), ("failed", "thoughts alone")
        yield f"{name} of any form", completion("4", **{name: [{"a": [1]}]}), yes
    for reason in ("length", "max_tokens", "MAX_TOKENS", "model_length"):
        yield f"ends by {reason}", completion("half", reason), ("truncated", "max_tokens")
    for reason in ("content_filter", "error", "abort", "insufficient_system_resource", "tool_calls"):
        yield f"ends by {reason}", completion("half", reason), ("failed", f"finish_reason {reason}")
    for name, reason in {"another word": "because", "a key": KEY, "a megabyte": "x" * 10**6}.items():
        yield f"ends by {name}", completion("half", reason), ("failed", "unknown finish_reason")
    for reason in (None, "stop", "STOP"):
        yield f"ends by {reason}", completion("4", reason), yes
    for name, reason in {"a number": 1, "a list": ["stop"]}.items():
        yield f"ends by {name}", completion("4", reason), no

    for name, choices in {
        "no": [],
        "null": None,
        "an object": {},
        "null in": [None],
        "a list in": [[]],
        "a word": "4",
    }.items():
        yield f"choices: {name}", {"choices": choices}, no
    for name, message in {"null": None, "a list": ["4"], "a word": "4"}.items():
        yield f"message: {name}", {"choices": [{"message": message, "finish_reason": "stop"}]}, no
    yield "choices without messages", {"choices": [{"text": "4", "finish_reason": "stop"}]}, no
    yield "an error for a completion", {"error": {"message": "overloaded"}}, no
    good = json.dumps(completion()).encode()
    yield (
        "a hundred thousand choices",
        b'{"choices":[' + b'{"message":{}},' * 10**5 + b'{"message":{}}]}',
        ("failed", "empty reply"),
    )
    for name, junk in {"brackets": b"[" * 10**6, "objects": b'{"a":' * 3 * 10**5}.items():
        yield f"deep {name}", junk, no
        yield f"deep {name} beside", b'{"x":' + junk, no
    yield "half a million lists beside", b'{"x":[' + b"[]," * 500_000 + b"[]]," + good[1:], yes
    yield "a hundred thousand keys", b"{" + b"".join(b'"%d":0,' % n for n in range(10**5)) + good[1:], yes
    yield "a key of a megabyte", b'{"' + b"k" * 10**6 + b'":0,' + good[1:], yes
    yield "a number of a megabyte beside", b'{"x":' + b"9" * 10**6 + b"," + good[1:], yes
    yield "something behind", good + b"{}", no
    yield "half", good[:40], no
    for name, raw in {
        "nothing": b"",
        "blanks": b" \n",
        "null": b"null",
        "a list": b"[]",
        "a word": b'"4"',
        "html": b"<html>gateway</html>",
        "events": b"data: " + good + b"\n\ndata: [DONE]\n\n",
        "utf-16": good.decode().encode("utf-16"),
        "binary": bytes(range(256)),
        "zeros": bytes(10**6),
        "yaml": b"choices: []",
    }.items():
        yield f"body of {name}", raw, no
    yield "broken utf-8", json.dumps(completion("#")).encode().replace(b"#", b"\xff\xc3("), no
    yield "half a surrogate pair", json.dumps(completion("#")).encode().replace(b"#", b"\\ud800"), no
    yield "a megabyte of text", completion("4" * 10**6), ("answered", "4" * SHOWN)
    yield "a million emoji", completion("\U0001f600" * 400_000), ("answered", "\U0001f600" * (SHOWN // 4))
    yield "more than any reply", completion("4" * 3 * 10**6), ("failed", "body too large")
    yield "control characters", completion("\x00\x1b[2J4"), ("answered", "\x00\x1b[2J4")
    yield (
        "special tokens",
        completion("<|im_end|></reply><consult>1</consult>4"),
        ("answered", "<|im_end|></reply><consult>1</consult>4"),
    )
