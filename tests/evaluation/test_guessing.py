"""What is reached without reading the samples, found from the answers of the tuned model."""

import random

import pytest

from advisor import registry
from advisor.evaluation.guessing import guesses
from advisor.stages.verify import Evidence, verify
from tests.fixtures import values as make

LABELS = ("red", "green", "blue", "grey")


def answered(texts, truth, metric="exact_match", name="tuned"):
    right = registry.metric(metric)
    samples = [make.sample(at, input=f"q{at}", target=label) for at, label in enumerate(truth)]
    scores = []
    for at, (text, sample) in enumerate(zip(texts, samples, strict=True)):
        value = right.score(None, make.completion(text), sample).value
        scores.append(make.scored(at, value, text).model_copy(update={"sample_id": sample.id}))
    value = sum(one.value for one in scores) / len(scores)
    manifest = make.manifest(samples=len(scores))
    told = make.evaluation(
        name, n=len(scores), value=value, scores=tuple(scores), manifest=manifest
    )
    return told, samples


def drawn(count, seed=1):
    return random.Random(seed).choices(LABELS, (4, 2, 2, 2), k=count)


def judged(told, truth, said=None, metric="exact_match"):
    tuned, samples = answered(told, truth, metric)
    base, _ = answered(said or ["I think so"] * len(truth), truth, metric, "zero_shot")
    baselines = make.baselines().model_copy(update={"evaluations": (base,), "best": "zero_shot"})
    found = guesses(registry.metric(metric), tuned, samples)
    return verify(Evidence(tuned, baselines, samples, guesses=found), target=None)


@pytest.mark.parametrize("seed", range(8))
def test_a_model_that_learned_the_form_of_shuffled_labels_is_discarded(seed):
    truth, shuffled = drawn(160), drawn(160, seed=seed + 2)
    found = judged(shuffled, truth)
    assert found.verdict == "discard"
    assert "Yet its answers are not shown to hang on what was asked" in found.because
    others = next(one for one in found.guesses if one.what == "answers_to_other_samples")
    assert not others.is_beaten
    assert abs(others.against.difference) < 0.2


def test_without_a_look_at_the_samples_the_same_model_would_be_kept():
    """What the guesses are there for: the base model knows not even the labels."""
    truth = drawn(160)
    tuned, samples = answered(drawn(160, seed=3), truth)
    base, _ = answered(["I think so"] * 160, truth, name="zero_shot")
    baselines = make.baselines().model_copy(update={"evaluations": (base,), "best": "zero_shot"})
    assert verify(Evidence(tuned, baselines, samples), target=None).verdict == "keep"


def test_a_model_that_learned_the_task_beats_both():
    truth, draw = drawn(160), random.Random(9)
    found = judged([one if draw.random() < 0.8 else draw.choice(LABELS) for one in truth], truth)
    assert found.verdict == "keep"
    assert {one.what: one.is_beaten for one in found.guesses} == {
        "answers_to_other_samples": True, "most_frequent_target": True,
    }  # fmt: skip
    common = next(one for one in found.guesses if one.what == "most_frequent_target")
    assert common.value == pytest.approx(truth.count("red") / 160)


def test_what_the_most_frequent_answer_reaches_too_is_no_proof():
    truth = ["red"] * 170 + ["blue"] * 30
    told = ["red"] * 150 + ["blue"] * 20 + ["blue"] * 24 + ["red"] * 6
    found = judged(told, truth)
    assert found.verdict == "inconclusive"
    assert "the most frequent target reaches 85.0 %" in found.because


def test_a_few_samples_leave_it_open():
    truth = [LABELS[at % 2] for at in range(20)]
    told = [LABELS[at % 3 % 2] for at in range(20)]
    assert judged(told, truth).verdict == "inconclusive"


def test_a_metric_that_does_not_look_at_the_target_has_no_guesses():
    truth = ['{"a": 1}', '{"b": 2}'] * 30
    tuned, samples = answered(truth, truth, "json_valid")
    assert guesses(registry.metric("json_valid"), tuned, samples) == {}


def test_one_answer_to_everything_asked_is_left_alone():
    tuned, samples = answered(["yes"] * 40, ["yes"] * 40)
    assert guesses(registry.metric("exact_match"), tuned, samples) == {}


def test_a_metric_of_summed_totals_is_guessed_too():
    truth = drawn(160)
    tuned, samples = answered(drawn(160, seed=3), truth, "macro_f1")
    found = guesses(registry.metric("macro_f1"), tuned, samples)
    assert set(found) == {"answers_to_other_samples", "most_frequent_target"}
    assert 0.1 < found["answers_to_other_samples"].value < 0.4
    assert all(one.totals for one in found["most_frequent_target"].scores)
