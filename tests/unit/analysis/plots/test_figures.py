"""What the figures show, as far as it can be asked of them."""

import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from scipy import stats

from analysis import plots
from analysis.intake.arms import Described
from analysis.intake.runs import COSTS, Run
from analysis.intake.training_log import COLUMNS, TrainingLog
from analysis.plots import figures_of, style
from analysis.plots.ablation_differences import ablation_differences
from analysis.plots.accuracy_over_tokens import accuracy_over_tokens
from analysis.plots.accuracy_over_training import accuracy_over_training
from analysis.plots.consultation_over_training import ROWS, consultation_over_training
from analysis.plots.cost_and_accuracy import cost_and_accuracy
from analysis.plots.curves import Runs
from analysis.plots.drawing import Drawn
from analysis.plots.length_and_correctness import length_and_correctness
from analysis.plots.method_rows import method_rows
from analysis.plots.modes_over_training import modes_over_training
from analysis.plots.paired_differences import paired_differences
from analysis.plots.pass_at_k import pass_at_k_curves
from analysis.plots.question_heat_map import question_heat_map
from analysis.plots.worth_of_consulting import worth_of_consulting
from analysis.statistics.consulting import Facts
from analysis.statistics.metrics import pass_at_k
from analysis.statistics.scores import SCORE_COLUMNS, Scores, complete
from analysis.tables.ablations import Ablation, ablations_table
from analysis.tables.consulting import consulting_table
from analysis.tables.names import described, name
from analysis.tables.significance import significance_table

K = 8
SEEDS = {"base": 1, "self_exploratory": 3, "eapo": 3}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def scores(shift: float) -> Scores:
    """Two benchmarks of 20 and 10 questions; EAPO is ``shift`` above the others."""
    rng = np.random.default_rng(1)
    level = {("chains_a", q): rng.uniform(0.2, 0.6) for q in range(20)}
    level |= {("chains_b", q): rng.uniform(0.2, 0.6) for q in range(10)}
    rows = [
        [method, seed, benchmark, f"q{question}", K,
         int(rng.binomial(K, p + (shift if method == "eapo" else 0.0))), 0, 0, 100.0, 0.0, 0, 300.0,
         50.0 if method == "eapo" else 0.0, 0.1]
        for method, seeds in SEEDS.items() for seed in range(seeds) for (benchmark, question), p in level.items()
    ]  # fmt: skip
    return complete(pd.DataFrame(rows, columns=SCORE_COLUMNS), "made")


def log(method: str, seed: int, **columns: list[float | None]) -> TrainingLog:
    absent = dict.fromkeys(COLUMNS, [None] * 5)
    return TrainingLog(method, seed, pd.DataFrame(absent | columns, dtype=float))


def run(method: str, flops: float | None, expert_flops: float | None) -> Run:
    costs = dict.fromkeys(COSTS, 1.0) | {"flops": flops, "expert_flops": expert_flops}
    return Run(method, 0, None, None, {}, {}, None, None, None, {}, costs)


def lines(axes: plt.Axes, label: str) -> list:
    return [line for line in axes.get_lines() if line.get_label() == label]


@pytest.mark.parametrize(("shift", "colour"), [(0.35, style.HIGHER), (-0.2, style.LOWER), (0.0, style.NOT_SHOWN)])
def test_a_difference_is_coloured_only_if_it_is_shown(shift: float, colour: tuple) -> None:
    table = scores(shift)
    significance = significance_table(table, [("eapo", "self_exploratory"), ("self_exploratory", "base")])
    left, right = paired_differences(table, significance).figure.axes
    first = next(line for line in left.get_lines() if line.get_marker() == "o")
    crossed = significance.query("test == 'crossed' and benchmark == 'all'").iloc[0]
    assert first.get_xdata()[0] == pytest.approx(100 * crossed["difference"])
    assert first.get_color() == colour
    assert (first.get_markerfacecolor() == "white") == (colour == style.NOT_SHOWN)
    dots = next(line for line in right.get_lines() if line.get_marker() == "o")
    assert len(dots.get_ydata()) == 30 and (np.diff(dots.get_ydata()) <= 0).all()
    assert np.mean(dots.get_ydata()) == pytest.approx(100 * crossed["difference"])
    assert [label.get_text() for label in left.get_yticklabels()][:3] == [
        "EAPO − Self-exploratory RL", "chains a", "chains b"
    ]  # fmt: skip


def test_long_names_leave_the_panels_their_room() -> None:
    table = scores(0.1)
    significance = significance_table(table, [("eapo", "self_exploratory")])
    with described({"eapo": Described(title="A method " * 15)}):
        figure = paired_differences(table, significance).figure
        # matplotlib warns where it finds no room for the panels.
        with warnings.catch_warnings(action="error"):
            figure.draw_without_rendering()
    first, second = figure.axes[0].get_yticklabels()[0].get_text().split("\n")
    assert first.startswith("A method A method") and first.endswith("…") and second == "− self exploratory"


def test_what_components_add_stands_beside_what_the_paper_reports() -> None:
    table = scores(0.35)
    declared = [Ablation("experts_asked", "eapo", "self_exploratory"), Ablation("none", "self_exploratory", "base")]
    ablations = ablations_table(table, declared)
    drawn = ablation_differences(table, ablations)
    (axes,) = drawn.figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["experts asked", "none"]
    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    pooled = ablations.query("benchmark == 'all'")
    assert [line.get_xdata()[0] for line in dots] == pytest.approx(list(100 * pooled["difference"]))
    assert [line.get_color() for line in dots] == [style.HIGHER, style.NOT_SHOWN]
    (crosses,) = [line for line in axes.get_lines() if line.get_marker() == "x"]
    # The paper's 64.07 and 59.16; of the base policy it reports 42.53.
    assert crosses.get_xdata() == pytest.approx([4.91, 16.63])
    low, high = axes.get_xlim()
    assert low < min(pooled["ci_low"]) * 100 and high > 16.63
    assert "Benjamini and Hochberg" in drawn.caption and "chains a n = 20" in drawn.caption


def test_captions_say_questions_samples_seeds_and_interval() -> None:
    table = scores(0.1)
    for drawn in (
        paired_differences(table, significance_table(table, [("eapo", "base")])),
        question_heat_map(table),
        pass_at_k_curves(table),
        cost_and_accuracy([], table),
    ):
        for words in ("chains a n = 20, chains b n = 10", f"k = {K}", "EAPO 3", "nterval"):
            assert words in drawn.caption


def test_the_heat_map_holds_every_accuracy_once() -> None:
    table = scores(0.1)
    cells = [axes.collections[0].get_array() for axes in question_heat_map(table).figure.axes[:2]]
    for values, benchmark in zip(cells, table.benchmarks, strict=True):
        for row, method in enumerate(table.methods):
            expected = table.accuracies(method, benchmark).mean(axis=1)
            assert sorted(values[row]) == pytest.approx(sorted(expected))
        assert (np.diff(values.mean(axis=0)) <= 1e-12).all()


def test_pass_at_k_starts_at_the_accuracy_and_never_falls() -> None:
    table = scores(0.1)
    (axes,) = pass_at_k_curves(table).figure.axes
    for method in table.methods:
        (line,) = lines(axes, name(method))
        assert list(line.get_xdata()) == [1, 2, 4, 8]
        assert line.get_ydata()[0] == pytest.approx(table.accuracies(method, "all").to_numpy().mean())
        assert (np.diff(line.get_ydata()) >= 0).all()
        rows = table.of(method, "all")
        assert line.get_ydata()[2] == pytest.approx(np.mean([pass_at_k(K, c, 4) for c in rows["correct"]]))


def test_training_curves_are_the_mean_of_the_seeds_at_shared_steps() -> None:
    logs = [
        log("eapo", 0, accuracy_val_unassisted=[0.1, None, 0.3, None, 0.5]),
        log("eapo", 1, accuracy_val_unassisted=[0.2, None, 0.4, None, None]),
    ]
    drawn = accuracy_over_training(logs, scores(0.0))
    (line,) = lines(drawn.figure.axes[0], "EAPO")
    assert list(line.get_xdata()) == [0, 2] and line.get_ydata() == pytest.approx([0.15, 0.35])
    (base,) = lines(drawn.figure.axes[0], "Base policy (before training)")
    assert base.get_ydata()[0] == pytest.approx(0.15)
    assert "EAPO 2" in drawn.caption


def test_the_band_is_the_interval_over_seeds_and_one_seed_has_none() -> None:
    logs = [log("eapo", seed, accuracy_val_unassisted=[0.1, None, 0.3 + 0.1 * seed, None, None]) for seed in range(3)]
    (axes,) = accuracy_over_training(logs, scores(0.0)).figure.axes
    (band,) = axes.collections
    expected = stats.t.interval(0.95, 2, 0.4, stats.sem([0.3, 0.4, 0.5]))
    at_two = [y for path in band.get_paths() for x, y in path.vertices if x == 2]
    assert (min(at_two), max(at_two)) == pytest.approx(expected)
    (alone,) = accuracy_over_training(logs[:1], scores(0.0)).figure.axes
    assert all(np.isnan(path.vertices[:, 1]).all() for band in alone.collections for path in band.get_paths())


def test_many_methods_have_a_panel_each_with_the_others_behind() -> None:
    names = ["eapo", *(f"method_{index}" for index in range(6))]
    logs = [log(one, seed, accuracy_val_unassisted=[0.1, None, 0.3, None, 0.5]) for one in names for seed in (0, 1)]
    table = scores(0.0)
    frame = pd.concat([table.frame, *(table.of("eapo", "all").assign(method=one) for one in names[1:])])
    figure = accuracy_over_training(logs, Scores(frame)).figure
    panels = figure.axes[:7]
    assert [axes.get_title(loc="left") for axes in panels] == [name(one) for one in names]
    for axes, one in zip(panels, names, strict=True):
        assert len(lines(axes, name(one))) == 1 and len([1 for line in axes.lines if line.get_color() == "0.82"]) == 6
    assert not figure.axes[7].axison


def test_cost_is_the_axis_where_it_is_known() -> None:
    curve = {"accuracy_val_unassisted": [0.1, None, 0.3, None, 0.5], "policy_tokens": [None, 10, 10, 10, 10]}
    logs = [log("eapo", 0, **curve), log("self_exploratory", 0, **curve)]
    known = dict.fromkeys(COSTS, 0.0) | {"policy_tokens_sampled": 40.0, "expert_tokens": 5.0}
    runs = [Run("eapo", 0, None, None, {}, {}, None, None, None, {}, known)]
    drawn = accuracy_over_tokens(logs, runs, scores(0.0))
    (axes,) = drawn.figure.axes
    (line,) = lines(axes, "EAPO")
    assert list(line.get_xdata()) == [5, 25, 45] and not lines(axes, "Self-exploratory RL")
    assert "Not known of Self-exploratory RL." in drawn.caption
    assert "No run of this experiment" in accuracy_over_tokens(logs, [], scores(0.0)).caption


def test_what_was_asked_and_what_it_earned_stand_in_the_table_that_they_are_drawn_from() -> None:
    def facts(step: int, prompt: str, mode: str, right: bool) -> Facts:
        asked = mode != "self_resolve"
        return Facts(step, prompt, mode, True, asked, asked or None, False, right, float(right), 0.1 * asked, 0.0)

    logs = [log("eapo", seed, consult_rate=[None, 0.4, 0.4, 0.5, 0.5]) for seed in (0, 1)]
    modes = ("direct", "self_resolve", "self_resolve")
    # Of the last step only one group is kept.
    prompts = [(step, prompt) for step in range(1, 5) for prompt in ("ab" if step < 4 else "a")]
    kept = [facts(step, prompt, mode, step == 1) for step, prompt in prompts for mode in modes]
    table = consulting_table(logs, {("eapo", seed): kept for seed in (0, 1)})
    (axes,) = modes_over_training(table).figure.axes
    heights = [patch.get_height() for patch in axes.patches]
    assert heights == pytest.approx([*[200 / 3] * 4, *[100 / 3] * 4, *[0] * 12])
    (axes,) = worth_of_consulting(table).figure.axes
    (line,) = lines(axes, "in all")
    assert list(line.get_xdata()) == [1, 2, 3] and line.get_ydata() == pytest.approx([0.1] * 3)
    assert lines(axes, "answer")[0].get_ydata() == pytest.approx([0] * 3)


def test_only_methods_that_consult_have_curves() -> None:
    asking = log(
        "eapo",
        0,
        acceptance_rate=[None, 1, 0.5, 0.33, 0.25],
        consult_rate=[None, 0.4, 0.4, 0.5, 0.5],
        accuracy_train_assisted=[None, 0.7, 0.6, None, None],
        accuracy_train_unassisted=[None, None, 0.3, 0.4, 0.4],
    )
    alone = log("self_exploratory", 0, acceptance_rate=[None, 0, 0, 0, 0], consult_rate=[None, 0, 0, 0, 0])
    logs = [alone, asking]
    axes = consultation_over_training(logs, consulting_table(logs, {}), scores(0.0)).figure.axes
    consult, shown, copied, gate, needed, accuracy = axes
    for one in (consult, shown):
        assert len(lines(one, "EAPO")) == 1 and not lines(one, "Self-exploratory RL")
    # The file knows no copy rate, and no rollout is kept.
    for one in (copied, gate, needed):
        assert not one.get_lines() and one.texts[0].get_text() == "not measured"
    assert sorted(len(line.get_xdata()) for line in lines(accuracy, "EAPO")) == [2, 3]


@pytest.mark.parametrize("column", ["acceptance_rate", "consult_rate"])
def test_what_was_not_measured_is_said(column: str) -> None:
    logs = [log("eapo", 0, **{column: [None, 0.5, 0.5, 0.4, 0.4]})]
    figure = consultation_over_training(logs, consulting_table(logs, {}), scores(0.0)).figure
    assert sum("not measured" in text.get_text() for axes in figure.axes for text in axes.texts) == 5
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["EAPO"]


def test_many_methods_that_consult_are_rows() -> None:
    methods = [f"eapo_{index}" for index in range(ROWS + 1)]
    logs = [
        log(
            method,
            seed,
            acceptance_rate=[None, 1, 1, 1, 1],
            consult_rate=[None, index / 16, (index + seed) / 16, 0, None],
        )
        for index, method in enumerate(methods)
        for seed in (0, 1)
    ]
    drawn = consultation_over_training(logs, consulting_table(logs, {}), scores(0.0))
    consult, shown, *_ = drawn.figure.axes
    assert [label.get_text() for label in consult.get_yticklabels()] == list(map(name, methods))
    (image,) = consult.collections
    measured = image.get_array()
    assert measured.shape == (len(methods), 3) and consult.get_ylim() == (len(methods) - 0.5, -0.5)
    # The mean of two seeds, and the place of each step.
    assert measured[5].tolist() == pytest.approx([5 / 16, 5.5 / 16, 0])
    assert consult.get_xlim() == pytest.approx((0.5, 3.5))
    assert not shown.collections and "not measured" in [text.get_text() for text in shown.texts]
    assert f"the {len(methods)} methods" in drawn.caption


def test_names_of_rows_stand_at_the_first_panel_that_is_drawn() -> None:
    runs = {"eapo": Runs([pd.Series([0.5], index=[1])]), "base": Runs([pd.Series([0.25], index=[1])])}
    nothing = Runs([pd.Series(dtype=float)])
    panels = {"none": lambda method: nothing, "first": runs.__getitem__, "second": runs.__getitem__}
    _, first, second, *_ = method_rows(["eapo", "base"], panels).axes
    written = [[label.get_text() for label in axes.get_yticklabels()] for axes in (first, second)]
    assert written == [[name("eapo"), name("base")], ["", ""]]


def test_without_consultations_the_figure_says_so() -> None:
    alone = log("self_exploratory", 0, acceptance_rate=[None, 0, 0, 0, 0], consult_rate=[None, 0, 0, 0, 0])
    nothing = consulting_table([alone], {})
    drawn = consultation_over_training([alone], nothing, scores(0.0))
    assert drawn.figure.axes[0].texts[0].get_text() == "No method consulted experts in training."
    for one in (drawn, modes_over_training(nothing), worth_of_consulting(nothing)):
        assert one.caption.startswith("No ")


def test_cost_is_that_of_policy_and_experts_together() -> None:
    runs = [
        run("eapo", flops=1000.0, expert_flops=100.0),
        run("eapo", flops=1400.0, expert_flops=300.0),
        run("self_exploratory", flops=None, expert_flops=None),
    ]
    drawn = cost_and_accuracy(runs, scores(0.1))
    training, evaluation = drawn.figure.axes

    def hollow(axes: plt.Axes) -> list[float]:
        return [line.get_xdata()[0] for line in axes.get_lines() if line.get_markerfacecolor() == "white"]

    (point,) = lines(training, "EAPO")
    assert point.get_xdata()[0] == pytest.approx(1200) and hollow(training) == [pytest.approx(1000)]
    assert not lines(training, "Self-exploratory RL") and "Not known of Self-exploratory RL." in drawn.caption
    (point,) = lines(evaluation, "Self-exploratory RL")
    assert point.get_xdata()[0] == pytest.approx(100)
    (point,) = lines(evaluation, "EAPO")
    assert point.get_xdata()[0] == pytest.approx(150) and hollow(evaluation) == [pytest.approx(100)]


def responses(tokens: list[float]) -> pd.DataFrame:
    correct = [index % 2 == 0 for index in range(len(tokens))]
    return pd.DataFrame({"method": "eapo", "n_tokens": tokens, "correct": correct, "unanswered": False})


def test_length_is_split_into_fifths_of_one_size() -> None:
    drawn: Drawn = length_and_correctness(responses([float(n) for n in range(50)]), scores(0.0))
    (line,) = lines(drawn.figure.axes[1], "EAPO")
    assert list(line.get_xdata()) == pytest.approx([4.5, 14.5, 24.5, 34.5, 44.5])
    assert line.get_ydata() == pytest.approx([0.5] * 5)
    # As many of one length as may be.
    (line,) = lines(length_and_correctness(responses([7.0] * 20), scores(0.0)).figure.axes[1], "EAPO")
    assert len(line.get_xdata()) == 5
    unknown = length_and_correctness(responses([float("nan")] * 4), scores(0.0))
    assert "do not tell their length" in unknown.caption


def test_a_method_looks_the_same_however_many_there_are() -> None:
    many = ["base", "self_exploratory", "eapo", *(f"method_{index}" for index in range(20))]
    looks = style.looks(many)
    assert len(set(looks.values())) == len(many)
    assert looks["eapo"] == style.looks(["eapo"])["eapo"] == (to_rgb("#d55e00"), "s")
    # The first few differ in both.
    first = [looks[f"method_{index}"] for index in (0, 1, 10)]
    assert len({colour for colour, _ in first}) == len({marker for _, marker in first}) == 3


def test_nobody_has_to_say_how_a_method_looks() -> None:
    with described({}):
        looks = style.looks([*"abcdefghij", "base"])
        assert len(set(looks.values())) == 11 and name("my_method") == "my method"
    twice = {one: Described(look=("#0173b2", "o")) for one in "ab"}
    with described(twice):
        assert style.looks("ab")["a"] == (to_rgb("#0173b2"), "o") != style.looks("ab")["b"]


def test_a_dollar_in_a_name_begins_no_formula(tmp_path: Path) -> None:
    style.use()
    with described({"eapo": Described(title="for $x_{$ or $y")}):
        style.save(pass_at_k_curves(scores(0.1)).figure, tmp_path, "x")
    assert (tmp_path / "x.png").stat().st_size > 0


def test_every_figure_is_a_module_and_every_module_that_draws_is_listed() -> None:
    folder = Path(plots.__file__).parent
    drawing = {
        path.stem for path in folder.glob("*.py") if "\ndef draw(experiment: Experiment) -> Drawn:" in path.read_text()
    }
    assert drawing == set(figures_of(ablations=True)) > set(figures_of(ablations=False))
