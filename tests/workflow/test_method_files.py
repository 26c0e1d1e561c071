"""Faulty files of methods: each is one line that names file or method, key and fault, before anything runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflow.experiment import Experiment, load_experiment
from workflow.methods import METHODS, ExperimentError, methods

SMOKE = yaml.safe_load(Path("config/smoke.yaml").read_text())
HEAD = "kind: rl\ndifferences: '`policy`, `experts`, `training.budget`, `training.optimiser`, `start_from`, `match`'\n"
#: What such an arm spends at most.
RL = f"{HEAD}spends: [expert_tokens, trained_tokens, prompts, rollouts, optimiser_steps]\n"
WORKFLOW = (METHODS / "expert_workflow/method.yaml").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of methods: those that the smoke experiment has, and an empty one, ``mine``."""
    for name in ("base", "eapo", "self_exploratory", "mine"):
        (tmp_path / name).mkdir()
        if name != "mine":
            (tmp_path / name / "method.yaml").write_bytes((METHODS / name / "method.yaml").read_bytes())
    monkeypatch.setattr("workflow.methods.METHODS", tmp_path)
    methods.cache_clear()
    yield tmp_path
    methods.cache_clear()


def load(**changes: Any) -> Experiment:
    """The smoke experiment with that method, too."""
    mine = {"methods": [*SMOKE["methods"], "mine"]}
    return load_experiment(SMOKE | mine | changes, "mine.yaml")


def refused(said: str, **changes: Any) -> None:
    with pytest.raises(ExperimentError) as caught:
        load(**changes)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value), str(caught.value)


def test_the_file_that_the_faulty_ones_come_from_is_in_order(folder: Path) -> None:
    # Also with the mark that some editors write first.
    (folder / "mine" / "method.yaml").write_text(RL, encoding="utf-8-sig")
    assert "mine" in load().arms


FILE = "baselines/mine/method.yaml: "
UNREADABLE: dict[str, tuple[bytes | str, str]] = {
    "empty": ("", "it has to be a mapping, of which kind and differences are keys, not None"),
    "a comment": ("# later\n", "it has to be a mapping, of which kind and differences are keys, not None"),
    "a word": ("rl\n", "it has to be a mapping, of which kind and differences are keys, not 'rl'"),
    "a list": ("- kind: rl\n", "it has to be a mapping, of which kind and differences are keys, not [{'kind': 'rl'}]"),
    "an open bracket": ("kind: rl\ndifferences: [\n", "while parsing a flow node expected the node content, but found "
                        "'<stream end>' in \"<unicode string>\", line 3"),
    "a tab": ("kind: rl\n\ttitle: a\n", "while scanning for the next token found character '\\t' that cannot start any "
              'token in "<unicode string>", line 2'),
    "two documents": (f"{RL}---\n{RL}", "expected a single document"),
    "a tag": ("kind: !!python/name:os.system\n", "could not determine a constructor for the tag"),
    "a key twice": (f"{RL}title: a\ntitle: b\n", "'title' stands there twice in \"<unicode string>\", line 5"),
    "a key twice below": (f"{RL}training: {{budget: {{steps: 3, steps: 4}}}}\n", "'steps' stands there twice in"),
    "a list for a key": (f"{RL}[a, b]: 3\n", "while constructing a mapping"),
    "Latin-1": ("kind: rl\ndifferences: é\n".encode("latin-1"), "'utf-8' codec can't decode byte 0xe9"),
    "UTF-16": (RL.encode("utf-16"), "'utf-8' codec can't decode byte 0xff"),
    "a NUL": ("kind: rl\ndifferences: a\0\n", "unacceptable character #x0000"),
    "no kind": ("differences: a\n", "kind: Field required"),
    "no differences": ("kind: rl\n", "differences: Field required"),
    "two kinds": ("kind: [rl, sft]\ndifferences: a\n", 'kind: Input should be a valid string (got ["rl", "sft"])'),
    "a number for a key": (f"{RL}3: 4\n", "3: Keys should be strings"),
    "a word that YAML takes for true": (f"{RL}on: 4\n", "true: Keys should be strings"),
    "a number for a key below": (f"{RL}consultation: {{3: 4}}\n", "consultation.3: Keys should be strings"),
    "a date": (f"{RL}title: 2026-02-03\n", "title: 2026-02-03 is a date; in quotes it would be text"),
    "itself": (f"{RL}training: &a {{budget: *a}}\n", "training.budget"),
    "spends one": (f"{HEAD}spends: rollouts\n", 'spends: Input should be a valid tuple (got "rollouts")'),
    "a title of two lines": (f'{RL}title: "a\\nb"\n', "title: String should match pattern"),
    "an inline of two lines": (f"{RL}inline: |\n  a\n  b\n", "inline: String should match pattern"),
    "a number for inline": (f"{RL}inline: 3\n", "inline: Input should be a valid string (got 3)"),
    "a colour for look": (f"{RL}look: red\n", "look: Input should be a valid dictionary"),
    "a look without marker": (f"{RL}look: {{colour: '#000000'}}\n", "look.marker: Field required"),
    "a look of more": (f"{RL}look: {{colour: '#000000', marker: o, size: 3}}\n", "look.size: Extra inputs"),
    "a key of another kind": (f"{WORKFLOW}training: {{}}\n", "training: no key of a method of kind workflow"),
}  # fmt: skip


@pytest.mark.parametrize("fault", UNREADABLE)
def test_a_file_that_is_no_method_is_one_line(folder: Path, fault: str) -> None:
    content, said = UNREADABLE[fault]
    (folder / "mine" / "method.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    refused(FILE + said)
    # And so where the experiment does not name it.
    methods.cache_clear()
    refused(FILE + said, methods=["self_exploratory", "eapo"])


ARM = "mine.yaml: method mine: "
WRONG: dict[str, tuple[str, str]] = {
    "a key": ("consultation: {colour: red}", 'consultation.colour: Extra inputs are not permitted (got "red")'),
    "a deeper key": ("consultation: {turns: {colour: 3}}", "consultation.turns.colour: Extra inputs"),
    "the deepest key": ("training: {optimiser: {overlong: {buffer: 0.1, colour: 3}}}",
                        "training.optimiser.overlong.colour: Extra inputs"),
    "a number for a part": ("training: 3", "training: Input should be a valid dictionary or instance of Training"),
    "a list for a part": ("training: [budget]", "training: Input should be a valid dictionary"),
    "nothing for a part": ("consultation:", "consultation: Input should be a valid dictionary"),
    "a word for a number": ("training: {budget: {steps: many}}", "training.budget.steps: Input should be a valid int"),
    "true for a number": ("training: {budget: {steps: yes}}", "training.budget: steps is a number, got true"),
    "no number": ("training: {optimiser: {learning_rate: .nan}}", "training.optimiser.learning_rate: Input should be"),
    "a word for a list": ("experts: expert_a", 'experts: Input should be a valid tuple (got "expert_a")'),
    "an unknown expert": ("experts: [nobody]", "experts: 'nobody' is not one of the experiment's (expert_a)"),
    "nobody to ask": ("experts: []", "it consults, but experts names none"),
    "an unknown policy": ("policy: gpt", "policy: 'gpt' is not one of models (policy, expert_a)"),
    "an arm for a policy": ("policy: {arm: eapo}", 'policy: Input should be a valid string (got {"arm": "eapo"})'),
    "an unknown arm": ("start_from: nobody", "it needs the run of 'nobody', which is none of the trained methods"),
    "half a match": ("match: {arm: eapo}", "match.like: Field required"),
    "an unknown trigger": ("consultation: {trigger: sometimes}", "consultation.trigger: Input should be 'learned',"),
    "an unknown reward": ("reward: {answer: magic}", "reward.answer: 'magic' is no reward; allowed are"),
    "an unknown schedule": ("consultation: {acceptance: {kind: magic}}", "consultation.acceptance.kind: Input should"),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_an_arm_that_cannot_be_is_one_line(folder: Path, fault: str) -> None:
    key, said = WRONG[fault]
    (folder / "mine" / "method.yaml").write_text(f"{RL}{key}\n")
    refused(ARM + said)


def test_what_an_arm_spends_it_declares(folder: Path) -> None:
    (folder / "mine" / "method.yaml").write_text(f"{HEAD}spends: []\n")
    refused(f"{ARM}spends: the experiment's budget does not hold expert_tokens (of expert_a)")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: expert_workflow", "name: magic", "procedure: Input tag 'magic' found using 'name' does not match any"),
        ("  name: expert_workflow\n", "", "procedure: Unable to extract tag using discriminator 'name'"),
        ("  answers:", "  colour: red\n  answers:", "procedure.expert_workflow.colour: Extra inputs"),
        ("    begun:", "    colour: red\n    begun:", "procedure.expert_workflow.prompts.colour: Extra inputs"),
        ("answers: null", "answers: some", "procedure.expert_workflow.answers: Input should be a valid integer"),
    ],
)
def test_an_unknown_procedure_and_its_keys_are_one_line(folder: Path, old: str, new: str, said: str) -> None:
    assert old in WORKFLOW
    (folder / "mine" / "method.yaml").write_text(WORKFLOW.replace(old, new, 1))
    refused(ARM + said)


def test_a_workflow_in_an_experiment_without_experts_is_one_line(folder: Path) -> None:
    (folder / "mine" / "method.yaml").write_text(WORKFLOW)
    changes = {"methods": ["self_exploratory", "mine"], "comparisons": [["mine", "base"]], "experts": []}
    refused(f"{ARM}expert_workflow asks experts, but experts names none", **changes)


def test_a_folder_is_a_method_by_its_file_and_called_as_a_method_may_be(folder: Path) -> None:
    # The file's name is another one.
    (folder / "mine" / "method.yml").write_text(RL)
    refused("mine.yaml: methods: 'mine' is unknown; allowed are base, eapo, self_exploratory")
    (folder / "Mine-1").mkdir()
    (folder / "Mine-1" / "method.yaml").write_text(RL)
    methods.cache_clear()
    said = "baselines/Mine-1/method.yaml: a method is called as its folder: small letters, digits and _, a letter first"
    refused(said, methods=["self_exploratory", "eapo"])
    (folder / "Mine-1" / "method.yaml").unlink()
    (folder / "mine" / "method.yaml").mkdir()
    refused("baselines/mine/method.yaml: it is no file", methods=["self_exploratory", "eapo"])
