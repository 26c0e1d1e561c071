"""Which keys of a run's settings tell results apart."""

from typing import Annotated

from pydantic import Field

from eapo_verl.settings.base import Endpoint, ExpertLimits, ExpertPoolSettings, Settings
from eapo_verl.settings.identity import LATER, OPERATIONAL, identity
from eapo_verl.settings.run import Training


class Inner(Settings):
    kept: tuple[float, ...] = (0.5,)
    left: Annotated[int, OPERATIONAL] = 2


class Outer(Settings):
    inner: Inner = Inner()
    several: tuple[Inner, ...] = (Inner(), Inner())
    by_name: dict[str, Inner]
    nothing: Inner | None = None


def test_marked_keys_are_left_out_at_any_depth() -> None:
    inner = {"kept": [0.5]}
    assert identity(Outer(by_name={"a": Inner()})) == {
        "inner": inner, "several": [inner, inner], "by_name": {"a": inner}, "nothing": None
    }  # fmt: skip


class Grown(Inner):
    added: Annotated[dict[str, int], LATER] = Field(default_factory=dict)


def test_a_key_that_came_later_counts_where_it_says_something_else() -> None:
    assert identity(Grown()) == identity(Inner())
    assert identity(Grown(added={"a": 1})) == identity(Inner()) | {"added": {"a": 1}}


def marked(*classes: type[Settings]) -> set[str]:
    return {name for one in classes for name, field in one.model_fields.items() if OPERATIONAL in field.metadata}


def test_what_is_mere_operation() -> None:
    assert marked(ExpertLimits) == {
        *("api_key_env", "headers_env", "max_concurrency", "timeout_s", "retries", "replica_urls")
    }
    assert marked(Endpoint) - marked(ExpertLimits) == {"base_url"}
    assert marked(ExpertPoolSettings) == {
        *("deadline_s", "backoff_s", "breaker_threshold", "breaker_cooldown_s", "failure_window", "failure_limit")
    }
    assert marked(Training) == {"threads", "trackers", "stall_minutes"}


def test_the_trainer_counts_where_it_is_not_the_one_that_there_was() -> None:
    budget = {
        "steps": 1, "prompts_per_step": 1, "rollouts_per_prompt": 2,
        "validate_every": 1, "validation_samples": 1, "checkpoint_every": 1,
    }  # fmt: skip
    given = {"budget": budget, "optimiser": {"learning_rate": 1.0}, "lengths": {"prompt": 1, "response": 1}}
    assert "trainer" not in identity(Training(**given, trainer="sync"))
    assert identity(Training(**given, trainer="colocate_async"))["trainer"] == "colocate_async"
