import random
from collections import Counter
from dataclasses import replace
from statistics import fmean

import pytest

from advisor.builtin.metrics.exact_match import ExactMatchMetric
from advisor.builtin.prompting.few_shot import FewShotBuilder
from advisor.contracts import MetricInfo, PluginInfo
from advisor.evaluation.curve_words import more_labels, sentence
from advisor.evaluation.growing import (
    System,
    classifier,
    learning_curve,
    nested,
    prompted,
    sizes,
    usual_systems,
)
from advisor.evaluation.learning_curve import Level, curve, fitted, labels_for
from advisor.schema.base import ConfidenceInterval, Interval
from advisor.schema.evaluation import Completion
from advisor.schema.learning_curve import Curve, CurvePoint
from tests.fixtures import values as make
from tests.fixtures.bench import FunctionSession, Tools, bench

LABELS = (20, 40, 80, 160, 320)


def law(labels, ceiling=0.9, drop=2.0, exponent=0.5):
    return ceiling - drop * labels**-exponent


def measured(ceiling=0.9, items=400, draws=3, seed=0, labels=LABELS):
    """Right and wrong answers of a system whose true score follows a power law."""
    draw = random.Random(seed)
    hardness = [draw.random() for _ in range(items)]
    return [
        Level(
            count,
            tuple(
                tuple(
                    float((hard if draw.random() < 0.7 else draw.random()) < law(count, ceiling))
                    for hard in hardness
                )
                for _ in range(draws)
            ),
        )
        for count in labels
    ]


def test_a_power_law_is_found_again():
    found = fitted(LABELS, [[law(count) for count in LABELS]])
    assert found.ceiling[0] == pytest.approx(0.9, abs=1e-6)
    assert found.drop[0] == pytest.approx(2.0, abs=1e-4)
    assert found.exponent[0] == pytest.approx(0.5)
    assert labels_for(found, 0.8)[0] == pytest.approx(400, rel=1e-4)
    assert labels_for(found, 0.95)[0] == float("inf")


def test_a_curve_never_falls_nor_rises_above_one():
    falling = fitted(LABELS, [[0.9, 0.8, 0.7, 0.6, 0.5]])
    assert falling.drop[0] == 0
    assert falling.ceiling[0] == pytest.approx(0.7)
    steep = fitted(LABELS, [[0.1, 0.3, 0.5, 0.7, 0.9]])
    assert steep.ceiling[0] <= 1


def test_the_target_is_reached_where_the_law_says_it_is():
    found = curve("s", measured(), target=0.83)
    assert [point.labels for point in found.points] == list(LABELS)
    needed = found.labels_for_target
    assert needed.low / 1.3 <= (2.0 / 0.07) ** 2 <= needed.high * 1.3
    assert found.ceiling.low <= 0.9 <= found.ceiling.high


def test_no_number_is_given_where_the_ceiling_lies_below_the_target():
    found = curve("s", measured(ceiling=0.7), target=0.9)
    assert found.labels_for_target is None
    assert found.ceiling.low < 0.75


def test_few_levels_make_no_curve_but_keep_their_points():
    found = curve("s", measured(labels=(20, 40, 80)), target=0.9)
    assert (found.labels_for_target, found.ceiling) == (None, None)
    assert len(found.points) == 3
    point = found.points[0]
    assert point.interval.low < point.value < point.interval.high


def test_documents_widen_the_doubt():
    levels = [
        Level(
            count, (tuple(float(at // 40 % 10 < 10 * law(count)) for at in range(400)),)
        )
        for count in LABELS
    ]  # fmt: skip
    labels = [f"d{at // 40}" for at in range(400)]
    alone = curve("s", levels, target=0.85).ceiling
    shared = curve("s", levels, target=0.85, groups=labels).ceiling
    assert shared.high - shared.low > alone.high - alone.low


@pytest.mark.slow
def test_the_interval_of_the_labels_needed_holds_the_truth_full_count():
    inside = 0
    for seed in range(60):
        needed = curve("s", measured(seed=seed, items=500), target=0.82).labels_for_target
        inside += needed is not None and needed.low <= (2.0 / 0.08) ** 2 <= needed.high
    assert inside / 60 >= 0.65


def labelled(count, split="train", labels=("red", "blue", "blue", "green")):
    return [
        make.sample(
            number, id=f"{split}{number}", input=f"{labels[number % len(labels)]} {number}",
            target=labels[number % len(labels)], split=split,
        )
        for number in range(count)
    ]  # fmt: skip


def test_every_beginning_has_the_targets_in_proportion():
    train = labelled(200)
    order = nested(train, seed=3)
    assert sorted(s.id for s in order) == sorted(s.id for s in train)
    for size in (20, 60, 120):
        counts = Counter(sample.target for sample in order[:size])
        assert counts["blue"] == pytest.approx(size / 2, abs=1)
        assert counts["red"] == pytest.approx(size / 4, abs=1)
    assert [s.id for s in nested(train[::-1], seed=3)] == [s.id for s in order]
    assert [s.id for s in nested(train, seed=4)] != [s.id for s in order]


@pytest.mark.parametrize(
    ("total", "count", "targets", "expected"),
    [
        (320, 6, 3, [10, 20, 40, 80, 160, 320]),
        (320, 3, 40, [40, 113, 320]),
        (10, 6, 9, [2, 3, 4, 5, 7, 10]),
        (100, 1, 2, [100]),
        (2, 4, 2, [2]),
    ],
)
def test_numbers_of_labels_grow_in_equal_ratios(total, count, targets, expected):
    assert sizes(total, count, targets=targets) == expected


class Learner:
    """Knows a label once it has seen it; counts how often it was fitted."""

    info = PluginInfo(id="embedding_classifier", label="learner")

    def __init__(self):
        self.fits = []

    def fit(self, train, dev, tools):
        self.fits.append(len(train))
        self.seen = {sample.target for sample in train}

    def predict(self, samples):
        return [
            Completion(
                text=s.input.split()[0] if s.input.split()[0] in self.seen else "?",
                prompt_tokens=0, completion_tokens=0, latency_ms=0,
            )
            for s in samples
        ]  # fmt: skip


def test_a_predictor_is_measured_on_nested_labels(tmp_path):
    train = labelled(64, labels=("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"))
    test = labelled(48, "test", labels=("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"))
    learner = Learner()
    system = classifier(learner, test=test, metric=ExactMatchMetric(), tools=Tools(tmp_path))
    found = learning_curve([system], train=train, test=test, metric=ExactMatchMetric(), target=0.9)
    assert found.metric == "exact_match"
    assert found.curves[0].system == "embedding_classifier"
    assert [point.labels for point in found.curves[0].points] == [12, 17, 23, 33, 46, 64]
    assert learner.fits == [12, 12, 12, 17, 17, 17, 23, 23, 23, 33, 33, 33, 46, 46, 46, 64]
    assert found.curves[0].points[-1].value == 1.0
    assert found.more_labels == 0
    assert found.sentence == (
        "With 64 labels the embedding classifier reaches 100.0 %, which meets the target of "
        "90.0 %: no more labels are needed."
    )


def test_a_prompt_is_measured_with_shots_from_growing_labels(tmp_path):
    train, test = labelled(40), labelled(12, "test")
    session = FunctionSession(lambda text: text.split()[0])
    system = prompted(
        bench(session, tmp_path), FewShotBuilder, test=test, corpus=(), tools=Tools(tmp_path)
    )
    found = learning_curve([system], train=train, test=test, metric=ExactMatchMetric(), target=None)
    assert found.curves[0].system == "few_shot"
    assert found.curves[0].points[-1].labels == 40
    assert found.more_labels is None
    assert found.sentence.startswith("With 40 labels the prompt with shots reaches")


def test_the_usual_systems_depend_on_the_targets_and_never_end_early(tmp_path):
    train, test = labelled(40), labelled(60, "test")
    session = FunctionSession(lambda text: text.split()[0])
    watching = replace(bench(session, tmp_path), watched_target=0.2)

    def usual(samples):
        return usual_systems(
            watching, train=samples, test=test, builder=FewShotBuilder, predictor=Learner(),
            tools=Tools(tmp_path),
        )  # fmt: skip

    systems = usual(train)
    assert [system.name for system in systems] == ["few_shot", "embedding_classifier"]
    assert len(systems[0].measure(train, 0)) == 60
    texts = [s.model_copy(update={"target": f"A long answer, number {s.id}"}) for s in train]
    assert [system.name for system in usual(texts)] == ["few_shot"]


class Averaging(ExactMatchMetric):
    info = MetricInfo(id="macro", label="macro")

    def value_of(self, totals):
        return 0.0


def test_a_metric_that_is_no_mean_says_what_is_shown(tmp_path):
    system = System("s", lambda *_: [1.0] * 12, levels=2)
    test = labelled(12, "test")
    found = learning_curve([system], train=labelled(40), test=test, metric=Averaging(), target=0.5)
    assert found.notes == (
        "macro is no mean of samples; shown is the mean of the samples' own scores.",
    )


def shown(value, *, needed=None, ceiling=None, levels=5):
    points = tuple(
        CurvePoint(labels=n, value=value, interval=ConfidenceInterval(low=0, high=1, level=0.9))
        for n in LABELS[:levels]
    )
    return Curve(system="few_shot", points=points, labels_for_target=needed, ceiling=ceiling)


def test_the_sentence_says_what_more_labels_would_bring():
    likely = Interval(low=900, likely=1234, high=2600)
    ceiling = Interval(low=0.7, likely=0.75, high=0.8)
    on_the_way = shown(0.7, needed=likely, ceiling=ceiling)
    assert sentence([on_the_way], 0.8, 320) == (
        "With 320 labels the prompt with shots reaches 70.0 %; by its curve the prompt with shots "
        "meets the target of 80.0 % at about 1,200 labels (80 % of curves: 900 to 2,600), some "
        "910 more."
    )
    assert more_labels([on_the_way, shown(0.6)], 0.8, 320) == 914
    assert sentence([shown(0.7, ceiling=ceiling)], 0.9, 320) == (
        "With 320 labels the prompt with shots reaches 70.0 % and tends to 75.0 % (80 % of curves: "
        "70.0 % to 80.0 %): more labels alone will hardly bring it to 90.0 %."
    )
    assert more_labels([shown(0.7, ceiling=ceiling)], 0.9, 320) is None
    assert "too few labels to say" in sentence([shown(0.7, levels=3)], 0.9, 40)
    assert sentence([], 0.9, 3) == "With 3 labels no learning curve can be drawn."


def test_the_points_are_means_over_choices_of_labels():
    level = Level(10, ((1.0, 0.0, 1.0, 0.0), (1.0, 1.0, 1.0, 0.0)))
    point = curve("s", [level], target=None).points[0]
    assert point.value == fmean((1.0, 0.5, 1.0, 0.0))
