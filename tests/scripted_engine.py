"""lm-eval's model for several turns on an engine that writes what a function says, a few requests at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from lm_eval.models.vllm_causallms import VLLM

from workflow.embedded.tokenizer import build_tokenizer
from workflow.sampling.journal import Journal
from workflow.sampling.lm_eval_files import generation
from workflow.sampling.several_turns import SeveralTurns

TOKENIZER = build_tokenizer()
MAX_TOKENS = 40
#: Of a benchmark, which is also lm-eval's task.
NAME = "mine"

#: What the policy writes behind a text, under a seed.
Policy = Callable[[str, int], str]


class ScriptedEngine:
    """Stands for vLLM's LLM: finishes its requests two at a step, the newest first."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._waiting: deque[tuple[str, str, Any]] = deque()
        self.prompts: list[str] = []
        self.parameters: list[Any] = []
        scheduling = SimpleNamespace(max_num_seqs=2)
        self.llm_engine = SimpleNamespace(
            step=self._step,
            has_unfinished_requests=lambda: bool(self._waiting),
            vllm_config=SimpleNamespace(scheduler_config=scheduling),
        )

    def enqueue(self, prompts: Sequence[Any], parameters: Sequence[Any], use_tqdm: bool) -> list[str]:
        names = []
        for prompt, one in zip(prompts, parameters, strict=True):
            text = TOKENIZER.decode(prompt["prompt_token_ids"]).removeprefix("<s>")
            names.append(f"{len(self.prompts)}-x")
            self._waiting.append((str(len(self.prompts)), text, one))
            self.prompts.append(text)
            self.parameters.append(one)
        return names

    def _step(self) -> list[Any]:
        finished = [self._waiting.pop() for _ in range(min(2, len(self._waiting)))]
        return [self._output(*one) for one in finished]

    def _output(self, name: str, prompt: str, parameters: Any) -> Any:
        text, stop = self._policy(prompt, parameters.seed), next(iter(parameters.stop or ()), None)
        stopped = stop is not None and stop in text
        if stopped:
            text = text[: text.index(stop) + len(stop)]
        ids = TOKENIZER.encode(text, add_special_tokens=False) + [TOKENIZER.eos_token_id] * (not stopped)
        kept = ids[: parameters.max_tokens]
        whole = kept == ids
        written = TOKENIZER.decode(kept, skip_special_tokens=True)
        output = SimpleNamespace(
            # As vLLM: without the string that ended it.
            text=written.removesuffix(stop) if stopped and whole else written,
            token_ids=kept,
            finish_reason="stop" if whole else "length",
            stop_reason=stop if stopped and whole else None,
        )
        return SimpleNamespace(finished=True, request_id=name, outputs=[output])


def scripted(monkeypatch: pytest.MonkeyPatch, engine: ScriptedEngine, journal: Journal, **kwargs: Any) -> SeveralTurns:
    """The model on ``engine``; further arguments are the model's."""

    def start(self: Any) -> None:
        """What VLLM's own leaves behind, without an engine."""
        self.model, self.tokenizer = engine, TOKENIZER
        self.hf_chat_template = self.enable_thinking = self.custom_prefix_token_id = self.add_bos_token = None
        self.chat_template_args = {}
        self._max_length = kwargs.pop("max_model_len", 1000)

    monkeypatch.setattr(VLLM, "__init__", start)
    shared = {"sampling_seed": 5, "journals": {NAME: journal}, "label": "test", "system_prompt": None}
    given = {"replies": None, "endpoints": ()} | kwargs
    given.pop("max_model_len", None)
    return SeveralTurns(**shared | given)


def requests(model: SeveralTurns, *questions: str, samples: int = 1, stop: Sequence[str] = ()) -> list[Instance]:
    """What lm-eval asks for: each question so many times, the answers, which nobody may see, in their documents."""
    wanted = []
    for number, question in enumerate(questions):
        doc = {"id": f"q{number}", "prompt": question, "answer": "9876", "task": "integers_bare"}
        text = model.apply_chat_template([{"role": "user", "content": question}])
        arguments = (text, generation(1.0, 1.0, MAX_TOKENS, ("<consult>",), stop))
        wanted += [Instance("generate_until", doc, arguments, 0, (NAME, number, samples))] * samples
    return wanted


def open_journal(path: Path) -> Journal:
    """A journal that samples can be added to."""
    journal = Journal(path, "the same")
    journal.begin()
    return journal
