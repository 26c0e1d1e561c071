"""Experiments whose models and problems are a hub's, or a part of them: what is allowed, and which jobs it takes."""

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.default_experiment import broken, plan
from tests.hub_server import COMMIT
from workflow.experiment import Experiment, load_experiment
from workflow.hub_preflight import preflight_hub
from workflow.methods import ExperimentError
from workflow.plan import Plan
from workflow.plan_data import DataPlan
from workflow.plan_models import ModelsPlan
from workflow.sources.command import SourceError
from workflow.sources.repository import Fetched, Repository

HUB = {"source": "hub", "repo": "them/problems", "revision": COMMIT, "task": "integers_bare"}
TRAIN = {**HUB, "deduplicate": True, "hold_out": {"size": 8, "seed": 3}}
HELD_OUT: dict[str, Any] = {
    "train": TRAIN,
    "validation": {"source": "held_out", "size": 5},
    "tuning__validation": {"source": "held_out", "size": 3, "skip": 5},
    "benchmarks": {"a": {**HUB, "split": "test"}, "b": {"source": "embedded", "size": 3, "seed": 1}},
}
MODEL = {"source": "hub", "repo": "them/model", "revision": COMMIT}


def changed(**changes: Any) -> Experiment:
    return load_experiment(broken(**(HELD_OUT | changes)), "c")


def data(**changes: Any) -> DataPlan:
    return DataPlan(changed(**changes), Path("r"))


def test_training_and_validation_are_parts_of_one_download() -> None:
    made = data()
    assert (made.downloaded, made.parts, made.fetched) == (
        ["a", "train.whole"],
        ["train", "validation", "tuning"],
        [],
    )
    assert made.part_arguments("train") == ["--size=8", "--seed=3"]
    assert made.part_arguments("tuning") == ["--size=8", "--seed=3", "--take=5:3"]
    assert made.download_arguments("train.whole")[-1] == '--select={"deduplicate": true}'
    assert made.tasks("validation") == made.tasks("train") == made.tasks() == ["integers_bare"]
    assert made.overlap() == [Path("r/data/overlap.json")]
    assert made.overlap_arguments()[0] == "--benchmark=a=r/data/a.jsonl"
    assert data(overlap={"most": 0}).overlap_arguments()[-1] == "--most=0"
    assert DataPlan(load_experiment(broken(), "c"), Path("r")).overlap() == []


def test_problems_of_a_hub_and_parts_of_them_may_be_asked_otherwise() -> None:
    asked = {"instruction": "Be brief."}
    validation = HELD_OUT["validation"] | {"instruction": "Take your time."}
    made = data(train=TRAIN | asked, validation=validation, benchmarks={"a": {**HUB, "split": "test"} | asked})
    assert made.download_arguments("train.whole")[-1] == made.download_arguments("a")[-1] == "--instruction=Be brief."
    # What stands in the whole goes on standing there, unless a part has its own.
    assert made.part_arguments("train") == ["--size=8", "--seed=3"]
    assert made.part_arguments("tuning")[-1] == "--take=5:3"
    assert made.part_arguments("validation")[-2:] == ["--take=0:5", "--instruction=Take your time."]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"train": {**TRAIN, "revision": "main"}}, "'main' is no commit, 40 digits"),
        ({"train": {**TRAIN, "repo": "a/b/c"}}, "train.hub.repo"),
        (
            {"validation": {"source": "held_out", "size": 9}},
            "validation: it takes problems 0 to 9 of train's, and 8 are",
        ),
        ({"train": HUB}, "validation: it takes problems 0 to 5 of train's, and it holds out none"),
        (
            {"validation": {"source": "held_out", "size": 6}},
            "tuning.validation: the held-out problems that it begins with",
        ),
        ({"train": {"source": "held_out", "size": 1}}, "train: source: held_out is a part of train itself"),
        ({"benchmarks": {"a": TRAIN}}, "benchmarks.a.hold_out: only train can hold problems out"),
        ({"models__policy": {**MODEL, "gguf": ""}}, "gguf"),
        ({"overlap": {"words": 1}}, "overlap.words"),
        ({"train": {**TRAIN, "filters": {"a": 1}}}, "train.hub.filters.a"),
    ],
)
def test_what_does_not_go_together_is_one_line(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        changed(**changes)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_holds_too_few_to_hold_some_out_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text("".join(f'{{"problem": "{n}", "answer": "{n}"}}\n' for n in range(8)))
    local = {"source": "local", "path": str(file), "task": "integers_bare", "hold_out": {"size": 8}}
    with pytest.raises(ExperimentError, match=r"train\.hold_out\.size: 8 of 8 problems leave none"):
        changed(train=local)


def test_what_is_trained_on_is_told_apart() -> None:
    def identity(**changes: Any) -> str:
        return plan(**(HELD_OUT | changes)).identity("self_exploratory", 1)

    assert identity() == identity(overlap={"most": 3}) == identity(benchmarks={"c": {**HUB, "split": "c"}})
    other: dict[str, Any] = {"deduplicate": False, "hold_out": {"size": 9, "seed": 3}, "revision": "0" * 40}
    assert len({identity(), *(identity(train={**TRAIN, key: value}) for key, value in other.items())}) == 4
    assert identity() != identity(validation={"source": "held_out", "size": 4})
    assert identity() != identity(models__policy=MODEL)


def test_models_of_a_hub_and_of_a_file_are_made_where_engines_find_them(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.touch()
    changes = {"models__policy": MODEL, "models__expert_a": {"source": "local", "path": str(file)}}
    models, made = ModelsPlan(changed(**changes)), plan(**changes)
    assert models.fetched == ["policy", "expert_a"]
    assert [made.model(name) for name in models.fetched] == [
        Path("results/default/models/policy"),
        Path("results/default/models/expert_a"),
    ]
    assert models.fetch_arguments("policy") == ["--repo=them/model", f"--revision={COMMIT}"]
    assert (models.fetch_arguments("expert_a"), models.gguf_files("expert_a")) == ([], [file])
    assert models.reads("policy") == ["--reads=method base: evaluation.max_model_len=256"]
    assert models.reads("expert_a") == ["--reads=experts.expert_a.max_model_len=64"]


def test_what_is_missing_is_asked_for_before_the_first_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def files(repository: Repository) -> dict[str, int]:
        asked.append(repository.name)
        if repository.name == "them/closed":
            raise SourceError("them/closed: it is gated")
        return {"config.json": 1, "model.safetensors": 1, "train.jsonl": 1, "test.jsonl": 1}

    monkeypatch.setattr(Repository, "files", files)
    monkeypatch.setattr(Repository, "card", lambda repository: {})
    monkeypatch.setattr(Repository, "require_access", lambda repository, file: asked.append(file))

    def preflight(**changes: Any) -> None:
        asked.clear()
        experiment = changed(**changes)
        preflight_hub(experiment, Plan(experiment, "n", tmp_path), DataPlan(experiment, tmp_path))

    unused = {"other": {**MODEL, "repo": "them/closed"}}
    models = copy.deepcopy(broken()["models"]) | {"policy": MODEL} | unused
    preflight(models=models)
    assert asked == [
        *("them/model", "config.json"),
        *("them/problems", "test.jsonl", "them/problems", "train.jsonl"),
    ]
    (tmp_path / "models/policy").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.whole.jsonl").touch()
    preflight(models=models)
    assert asked == ["them/problems", "test.jsonl"]
    with pytest.raises(ExperimentError, match=r"^models\.other \(policy\): them/closed: it is gated$"):
        preflight(models=models, policy="other")


def test_a_model_that_does_not_go_into_so_many_parts_is_refused_before_its_weights_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"num_attention_heads": 12, "num_key_value_heads": 2}')
    monkeypatch.setattr(Repository, "files", lambda repository: {"config.json": 1, "model.safetensors": 1})
    monkeypatch.setattr(Repository, "require_access", lambda repository, file: None)
    monkeypatch.setattr(Repository, "fetch", lambda repository, names: Fetched(tmp_path, {}))

    def preflight(**changes: Any) -> None:
        experiment = load_experiment(broken(resources__training_gpus=8, **changes), "c")
        preflight_hub(experiment, Plan(experiment, "n", tmp_path), DataPlan(experiment, tmp_path))

    trained = {"models__policy": MODEL, "training__verl": {"trainer.n_gpus_per_node": 8}}
    preflight(models__expert_a=MODEL, experts__0__tensor_parallel=4, **trained)
    with pytest.raises(
        ExperimentError, match=r"^experts\.expert_a\.tensor_parallel: 5 do not go into 12 heads .* 2 of keys"
    ):
        preflight(models__expert_a=MODEL, experts__0__tensor_parallel=5)
    trained["training__verl"] = trained["training__verl"] | {"actor_rollout_ref.rollout.tensor_model_parallel_size": 8}
    with pytest.raises(
        ExperimentError, match=r"^method self_exploratory: training\.verl: .*_size: 8 do not go into 12"
    ):
        preflight(**trained)


def test_what_a_chat_template_is_told_is_looked_up_where_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "{{ thinks }}"}')
    fetched: list[str] = []

    def fetch(repository: Repository, names: list[str]) -> Fetched:
        fetched.extend(names)
        return Fetched(tmp_path, {})

    files = {"config.json": 1, "model.safetensors": 1, "tokenizer_config.json": 1, "q.gguf": 1}
    monkeypatch.setattr(Repository, "files", lambda repository: files)
    monkeypatch.setattr(Repository, "require_access", lambda repository, file: None)
    monkeypatch.setattr(Repository, "fetch", fetch)

    def preflight(policy: dict[str, Any], **told: bool) -> list[str]:
        fetched.clear()
        experiment = load_experiment(broken(models__policy=policy, chat_template_kwargs=told), "c")
        preflight_hub(experiment, Plan(experiment, "n", tmp_path), DataPlan(experiment, tmp_path))
        return fetched

    assert preflight(MODEL) == []
    assert preflight(MODEL, thinks=True) == ["tokenizer_config.json"]
    # A large file is not downloaded for it.
    assert preflight({**MODEL, "gguf": "q.gguf"}, more=True) == []
    unread = r"chat_template_kwargs: 'more' is nothing that the chat template of models\.policy reads$"
    with pytest.raises(ExperimentError, match=unread):
        preflight(MODEL, thinks=True, more=True)
