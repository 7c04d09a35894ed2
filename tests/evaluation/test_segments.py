"""Parts of the test samples: how they are cut, tested and named."""

import random

import pytest

from advisor.evaluation.differences import exact_mcnemar
from advisor.evaluation.segments import cuts, segments
from tests.fixtures import values as make


def system(name, scores, groups=None):
    named = groups or [""] * len(scores)
    scored = tuple(
        make.scored(at, value).model_copy(update={"group": group})
        for at, (value, group) in enumerate(zip(scores, named, strict=True))
    )
    return make.evaluation(
        name, n=len(scores), scores=scored, manifest=make.manifest(samples=len(scores))
    )


def items(count, **fields):
    """Samples; a field is a function of the place."""
    plain = {"input": lambda at: f"question {at}", "target": lambda at: f"answer {at}"}
    made = plain | fields
    return [make.sample(at, **{name: of(at) for name, of in made.items()}) for at in range(count)]


def named(found, kind):
    return [(one.name, one.n) for one in found if one.kind == kind]


def test_labels_lengths_and_sources_part_the_samples():
    samples = items(
        120,
        target=lambda at: "yes" if at % 3 else "no",
        input=lambda at: "word " * (5 + at // 2),
        file=lambda at: f"part-{at % 2}.jsonl",
    )
    found = segments(system("rag", [1.0] * 120), system("tuned", [1.0] * 120), samples)
    assert named(found, "label") == [("yes", 80), ("no", 40)]
    assert named(found, "length") == [
        ("5 to 24 words", 40), ("25 to 44 words", 40), ("45 to 64 words", 40),
    ]  # fmt: skip
    assert named(found, "source") == [("file part-0.jsonl", 60), ("file part-1.jsonl", 60)]


def test_free_texts_are_no_labels_and_short_inputs_are_counted_in_characters():
    samples = items(60, input=lambda at: "x" * (1 + at))
    found = segments(system("rag", [1.0] * 60), system("tuned", [1.0] * 60), samples)
    assert {one.kind for one in found} == {"length"}
    assert found[0].name == "1 to 20 characters"


def test_equal_lengths_stay_together():
    same = items(60, input=lambda _: "four words and one")
    assert segments(system("a", [1.0] * 60), system("b", [1.0] * 60), same) == ()
    two = items(60, input=lambda at: "x" * (5 if at < 50 else 9))
    assert [(c.name, len(c.ids)) for c in cuts(two)] == [("5 characters", 50), ("9 characters", 10)]


def test_a_parting_that_another_gives_too_is_tested_once():
    samples = items(
        80,
        input=lambda _: "the same",
        target=lambda at: "left" if at % 2 else "right",
        document=lambda at: f"d{at % 2}",
        group=lambda at: f"customer {at % 4}",
    )
    assert [(c.kind, c.name) for c in cuts(samples)] == [
        ("label", "right"), ("label", "left"),
        ("source", "group customer 0"), ("source", "group customer 1"),
        ("source", "group customer 2"), ("source", "group customer 3"),
    ]  # fmt: skip


def test_too_many_sources_are_none_and_those_without_one_stand_together():
    many = items(100, input=lambda _: "the same", document=lambda at: f"d{at // 2}")
    assert cuts(many) == []
    some = items(
        100, input=lambda _: "the same", document=lambda at: "" if at < 10 else f"d{at % 3}"
    )
    assert ("no document", 10) in [(c.name, len(c.ids)) for c in cuts(some)]


def test_rare_labels_beyond_thirty_stand_together():
    samples = items(400, input=lambda _: "the same", target=lambda at: f"label {min(at // 8, 39)}")
    found = cuts(samples)
    assert len(found) == 31
    assert found[-1].name == "10 rarer labels"
    assert sum(len(cut.ids) for cut in found) == 400


@pytest.mark.parametrize(("size", "is_tested"), [(29, False), (30, True)])
def test_a_segment_is_tested_from_thirty_samples_on(size, is_tested):
    best = [1.0] * 200
    tuned = [0.0] * size + [1.0] * (200 - size)
    samples = items(
        200, input=lambda _: "the same", target=lambda at: "small" if at < size else "large"
    )
    found = next(
        s for s in segments(system("a", best), system("b", tuned), samples) if s.name == "small"
    )
    assert (found.n, found.baseline, found.tuned, found.difference) == (size, 1, 0, -1)
    assert found.is_worse is is_tested
    assert (found.p_value is not None, found.interval is not None) == (is_tested, is_tested)


def test_p_values_are_one_sided_and_after_holm_over_those_that_are_tested():
    samples = items(
        100, input=lambda _: "the same", target=lambda at: "abc"[min(at // 40, 2)]
    )  # 40, 40 and 20: two are tested
    best = [1.0] * 100
    tuned = [0.0] * 6 + [1.0] * 34 + [0.0] * 2 + [1.0] * 38 + [0.0] * 20
    found = {s.name: s for s in segments(system("x", best), system("y", tuned), samples)}
    assert found["a"].p_value == pytest.approx(2 * exact_mcnemar(6, 0) / 2)
    assert found["b"].p_value == pytest.approx(exact_mcnemar(2, 0) / 2)
    assert found["c"].p_value is None
    assert [found[name].is_worse for name in "abc"] == [True, False, False]


def test_a_gain_is_never_worse():
    samples = items(80, input=lambda _: "the same", target=lambda at: "ab"[at % 2])
    found = segments(system("x", [0.0] * 80), system("y", [1.0] * 80), samples)
    assert [one.is_worse for one in found] == [False, False]
    assert all(one.p_value > 0.9 for one in found)


def test_samples_without_a_score_are_no_part_of_a_segment():
    tuned = system("y", [1.0] * 80)
    marked = tuple(
        s.model_copy(update={"unscored": True}) if at < 10 else s
        for at, s in enumerate(tuned.scores)
    )
    samples = items(80, input=lambda _: "the same", target=lambda at: "ab"[at % 2])
    found = segments(system("x", [1.0] * 80), tuned.model_copy(update={"scores": marked}), samples)
    assert [one.n for one in found] == [35, 35]
    assert all(one.tuned == 1 for one in found)


def test_samples_of_one_document_are_no_independent_witnesses():
    chance = random.Random(2)
    groups = [f"d{at // 20}" for at in range(80)]
    worse = {"d0", "d1"}  # of the four documents behind label a, two are worse throughout
    best = [1.0] * 80
    tuned = [0.0 if g in worse and chance.random() < 0.7 else 1.0 for g in groups]
    samples = items(120, input=lambda _: "the same", target=lambda at: "a" if at < 80 else "b")
    more = [f"e{at // 20}" for at in range(40)]
    pair = (
        system("x", best + [1.0] * 40, groups + more),
        system("y", tuned + [1.0] * 40, groups + more),
    )
    found = {s.name: s for s in segments(*pair, samples)}
    assert found["a"].difference < -0.2
    assert not found["a"].is_worse  # four documents cannot say
    alone = (system("x", best + [1.0] * 40), system("y", tuned + [1.0] * 40))
    assert next(s for s in segments(*alone, samples) if s.name == "a").is_worse


def test_a_metric_of_summed_totals_is_summed_in_each_segment():
    def counted(name, scores):
        plain = system(name, scores)
        rows = tuple(
            s.model_copy(update={"totals": {"right": s.value, "all": 1.0}}) for s in plain.scores
        )
        return plain.model_copy(update={"scores": rows})

    def value_of(totals):
        return totals["right"] / totals["all"]

    best, tuned = [1.0] * 80, [0.0, 1.0] * 20 + [1.0] * 40
    samples = items(80, input=lambda _: "the same", target=lambda at: "a" if at < 40 else "b")
    found = segments(counted("x", best), counted("y", tuned), samples, value_of=value_of)
    assert [(s.name, s.baseline, s.tuned) for s in found] == [("a", 1.0, 0.5), ("b", 1.0, 1.0)]
    assert [s.is_worse for s in found] == [True, False]


LABELS = ("red", "green", "blue", "grey")


def answering(name, told):
    """A system by the text of its answers to samples whose labels go round."""
    scored = tuple(
        make.scored(at, float(text == LABELS[at % 4]), f"{text.title()}. ")
        for at, text in enumerate(told)
    )
    manifest = make.manifest(samples=len(told))
    return make.evaluation(name, n=len(told), scores=scored, manifest=manifest)


def labelled(count):
    return items(count, input=lambda _: "the same", target=lambda at: LABELS[at % 4])


def test_a_baseline_that_says_one_label_to_everything_does_not_veto_the_one_that_tells_them_apart():
    draw = random.Random(3)
    truth = [LABELS[at % 4] for at in range(240)]
    honest = [one if draw.random() < 0.8 else draw.choice(LABELS) for one in truth]
    found = segments(
        answering("majority", ["red"] * 240), answering("tuned", honest), labelled(240)
    )
    red = next(one for one in found if one.name == "red")
    assert red.baseline == 1.0
    assert red.interval.high < 0
    assert red.baseline_f1 == pytest.approx(0.4)
    assert red.tuned_f1 > 0.7
    assert not red.is_worse


@pytest.mark.parametrize("skill", [0.5, 0.8])
def test_a_label_that_is_not_answered_any_more_vetoes_though_the_mean_rose(skill):
    draw = random.Random(5)
    truth = [LABELS[at % 4] for at in range(320)]
    weak = [one if draw.random() < skill else draw.choice(LABELS) for one in truth]
    blind = ["green" if one == "red" else one for one in truth]
    found = segments(answering("few_shot", weak), answering("tuned", blind), labelled(320))
    assert sum(one.difference * one.n for one in found) > 0 or skill > 0.5
    assert [one.name for one in found if one.is_worse] == ["red"]
    assert next(one for one in found if one.name == "red").tuned_f1 == 0.0


def test_answers_that_are_no_bare_label_are_counted_against_their_own_label_alone():
    scored = answering("contains", ["I think red"] * 80)
    found = segments(scored, scored, labelled(80))
    assert {one.baseline_f1 for one in found if one.kind == "label"} == {0.0}
