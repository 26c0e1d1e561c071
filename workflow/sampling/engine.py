"""lm-eval's vLLM model, with a seed for every single sample and a journal that keeps it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from lm_eval.api.instance import Instance
from lm_eval.api.registry import register_model
from lm_eval.models.vllm_causallms import VLLM
from vllm import SamplingParams, TokensPrompt
from vllm.outputs import CompletionOutput

from eapo_verl.method.draws import sample_seed
from workflow.sampling.journal import Completion, Journal

# Seconds between two progress lines.
PROGRESS_S = 5.0


@dataclass(frozen=True)
class Drawing:
    """A sample that is to be drawn for lm-eval's `request`; `question` is its benchmark's name and its id."""

    request: Instance
    question: tuple[str, str]
    seed: int
    journal: Journal


#: Takes a sample that is finished.
Keep = Callable[[Drawing, Completion], None]


@register_model("seeded-vllm")
class SeededVLLM(VLLM):
    """lm-eval's ``vllm`` model but for ``generate_until``, which keeps k samples apart and whole:

    1. Each sample has a seed of its own (`sample_seed`). lm-eval sends repeats without one, so that the
       engine's single random stream makes a sample depend on which requests happen to share its batch.
    2. A sample goes to its benchmark's journal, with its length and reason of ending, when the engine has finished
       it; what is there already is not drawn again. lm-eval returns texts alone, all at the end, and its own request
       cache passes over whatever is sampled.
    3. No prompt is shortened. lm-eval cuts one that leaves no room for the response; `tasks.check_lengths`
       has refused those before.
    4. The chat template is told what the request says and nothing else, as in training. lm-eval always tells it
       ``enable_thinking``, though not what it is asked to, and takes the system prompt away from a template that
       cannot have one.
    5. All requests of all tasks go to the engine at once, which fills its batch from them as others finish: waiting
       for fixed batches to end would cost the length of the longest response each time. A prompt is tokenised once
       and not k times, and no stop string is sent but the request's: lm-eval adds the end-of-sequence text, which the
       engine would search for at each token.
    """

    def __init__(
        self,
        *,
        sampling_seed: int,
        journals: Mapping[str, Journal],
        label: str,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._chat_template_kwargs = dict(chat_template_kwargs or {})
        self._sampling_seed = sampling_seed
        #: By benchmark, which is lm-eval's task.
        self._journals = journals
        #: What progress lines call the run.
        self._label = label

    @property
    def precision(self) -> str:
        """What the engine computes in: "float32", say."""
        return str(self.model.llm_engine.model_config.dtype).removeprefix("torch.")

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The text that the policy goes on from."""
        said: dict[str, Any] = {"add_generation_prompt": add_generation_prompt, **self._chat_template_kwargs}
        said["continue_final_message"] = not add_generation_prompt
        return cast(str, self.tokenizer.apply_chat_template(chat_history, tokenize=False, **said))

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """One response for each request, in order; lm-eval repeats an instance k times to ask for k samples.

        Raises RuntimeError, naming the question, if the engine gave up on a request.
        """
        drawn: Counter[tuple[str, str]] = Counter()
        samples: list[Drawing] = []
        for request in requests:
            question = (cast(str, request.task_name), cast(str, request.doc["id"]))
            seed = sample_seed(self._sampling_seed, *question, drawn[question])
            drawn[question] += 1
            samples.append(Drawing(request, question, seed, self._journals[question[0]]))
        if len({sample.seed for sample in samples}) != len(samples):
            raise RuntimeError("two samples have the same seed, and so would be the same draw")
        missing = [sample for sample in samples if sample.seed not in sample.journal]
        progress = _Progress(self._label, len(missing))

        def keep(sample: Drawing, completion: Completion) -> None:
            sample.journal.add(sample.seed, completion)
            progress.add(completion.n_tokens)

        self.draw(missing, keep)
        return [sample.journal[sample.seed].response for sample in samples]

    def draw(self, samples: Sequence[Drawing], keep: Keep) -> None:
        """Draws `samples`, with one turn of the policy each, and hands each to `keep` when it is finished."""
        texts = list(dict.fromkeys(sample.request.args[0] for sample in samples))
        # The chat template has written every special token already; the tokenizer must not add a second BOS.
        tokens = dict(zip(texts, self.tok_encode(texts, add_special_tokens=False), strict=True))
        drawn = {}
        for sample in samples:
            name = self.enqueue(tokens[sample.request.args[0]], self.parameters(sample, sample.seed))
            drawn[name] = sample
        while self.busy:
            for name, output in self.step():
                sample = drawn[name]
                keep(sample, Completion(output.text, len(output.token_ids), ended(output, sample)))

    def parameters(self, sample: Drawing, seed: int, **changes: Any) -> SamplingParams:
        """What lm-eval's task asks for, under a seed, with `changes`: ``max_tokens`` or ``stop``, say."""
        kwargs, _, max_tokens = self.modify_gen_kwargs(dict(sample.request.args[1]))
        kwargs |= {"skip_special_tokens": True, "max_tokens": max_tokens, "seed": seed}
        kwargs["stop"] = list(sample.request.args[1]["until"])
        return SamplingParams(**kwargs | changes)

    def enqueue(self, tokens: list[int], parameters: SamplingParams) -> str:
        """Has the engine write behind `tokens`; the name by which :meth:`step` calls what becomes of it."""
        (name,) = self.model.enqueue([TokensPrompt(prompt_token_ids=tokens)], [parameters], use_tqdm=False)
        # A name is a number and, after a hyphen, random letters; an output bears the number alone.
        return name.partition("-")[0]

    def step(self) -> Iterator[tuple[str, CompletionOutput]]:
        """One step of the engine: what it finished, by name."""
        for output in self.model.llm_engine.step():
            if output.finished:
                yield output.request_id, output.outputs[0]

    @property
    def busy(self) -> bool:
        """Whether anything that was enqueued is not finished."""
        return bool(self.model.llm_engine.has_unfinished_requests())


class _Progress:
    """Lines on stderr: how many of `total` samples are there, how fast, how long still."""

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = total
        self._samples = self._tokens = 0
        self._started = self._said = time.monotonic()

    def add(self, tokens: int) -> None:
        self._samples += 1
        self._tokens += tokens
        now = time.monotonic()
        if now - self._said < PROGRESS_S:
            return
        self._said = now
        seconds = now - self._started
        speed = f"{self._tokens / seconds:.0f} tokens/s"
        left = f"{seconds * (self._total - self._samples) / self._samples:.0f} s left"
        line = f"progress: {self._label}: {self._samples} of {self._total} samples, {speed}, {left}"
        print(line, file=sys.stderr, flush=True)


def ended(output: CompletionOutput, sample: Drawing) -> Literal["stop", "length"]:
    """How the engine ended a response. Raises RuntimeError, naming the question, if it gave up."""
    reason = output.finish_reason
    if reason not in ("stop", "length"):
        name, identifier = sample.question
        raise RuntimeError(
            f"question {identifier!r} of {name}: the engine ended a response with"
            f" {reason!r} and not with 'stop' or 'length'"
        )
    return cast(Literal["stop", "length"], reason)
