"""lm-eval's vLLM model, with a seed for every single sample and a journal that keeps it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, cast

from lm_eval.api.instance import Instance
from lm_eval.api.registry import register_model
from lm_eval.models.vllm_causallms import VLLM
from vllm import RequestOutput, SamplingParams, TokensPrompt

from eapo_verl.method.draws import sample_seed
from workflow.sampling.journal import Completion, Journal

# Seconds between two progress lines.
PROGRESS_S = 5.0


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
    4. All requests of all tasks go to the engine at once, which fills its batch from them as others finish: waiting
       for fixed batches to end would cost the length of the longest response each time. A prompt is tokenised once
       and not k times, and no stop string is sent: lm-eval adds the end-of-sequence text, which the engine would
       search for at each token.
    """

    def __init__(self, *, sampling_seed: int, journals: Mapping[str, Journal], label: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sampling_seed = sampling_seed
        #: By benchmark, which is lm-eval's task.
        self._journals = journals
        #: What progress lines call the run.
        self._label = label

    @property
    def precision(self) -> str:
        """What the engine computes in: "float32", say."""
        return str(self.model.llm_engine.model_config.dtype).removeprefix("torch.")

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """One response for each request, in order; lm-eval repeats an instance k times to ask for k samples.

        Raises RuntimeError, naming the question, if the engine gave up on a request.
        """
        texts = list(dict.fromkeys(request.args[0] for request in requests))
        # The chat template has written every special token already; the tokenizer must not add a second BOS.
        tokens = dict(zip(texts, self.tok_encode(texts, add_special_tokens=False), strict=True))
        drawn: Counter[tuple[str, str]] = Counter()
        samples: list[tuple[Journal, int]] = []
        missing: list[tuple[Instance, TokensPrompt, SamplingParams]] = []
        for request in requests:
            text, generation_kwargs = request.args
            question = _question(request)
            seed = sample_seed(self._sampling_seed, *question, drawn[question])
            drawn[question] += 1
            journal = self._journals[question[0]]
            samples.append((journal, seed))
            if seed not in journal:
                kwargs, _, max_tokens = self.modify_gen_kwargs(dict(generation_kwargs))
                kwargs["skip_special_tokens"] = True
                parameters = SamplingParams(max_tokens=max_tokens, seed=seed, **kwargs)
                missing.append((request, TokensPrompt(prompt_token_ids=tokens[text]), parameters))
        if len({seed for _, seed in samples}) != len(samples):
            raise RuntimeError("two samples have the same seed, and so would be the same draw")
        progress = _Progress(self._label, len(missing))
        for number, output in self._outputs([prompt for _, prompt, _ in missing], [one for *_, one in missing]):
            request, _, parameters = missing[number]
            result = output.outputs[0]
            name, identifier = _question(request)
            if result.finish_reason not in ("stop", "length"):
                raise RuntimeError(
                    f"question {identifier!r} of {name}: the engine ended a response with"
                    f" {result.finish_reason!r} and not with 'stop' or 'length'"
                )
            completion = Completion(result.text, len(result.token_ids), result.finish_reason)
            self._journals[name].add(cast(int, parameters.seed), completion)
            progress.add(completion.n_tokens)
        return [journal[seed].response for journal, seed in samples]

    def _outputs(
        self, prompts: list[TokensPrompt], parameters: list[SamplingParams]
    ) -> Iterator[tuple[int, RequestOutput]]:
        """What ``LLM.generate`` returns at its end, each when it is finished, with its place in `prompts`."""
        names = self.model.enqueue(prompts, parameters, use_tqdm=False) if prompts else []
        # A name is a number and, after a hyphen, random letters; an output bears the number alone.
        places = {name.partition("-")[0]: place for place, name in enumerate(names)}
        engine = self.model.llm_engine
        while engine.has_unfinished_requests():
            for output in engine.step():
                if output.finished:
                    yield places[output.request_id], output


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


def _question(request: Instance) -> tuple[str, str]:
    return cast(str, request.task_name), cast(str, request.doc["id"])
