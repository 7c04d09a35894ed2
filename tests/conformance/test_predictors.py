"""Promises of a predictor: fitted anew each time, one answer per sample, blind to targets."""

import random

import pytest

from advisor import registry
from advisor.contracts import Configurable, Predictor
from advisor.errors import DatasetError, InputError
from tests.fixtures import values as make
from tests.fixtures.bench import Tools

NAMES = registry.names("advisor.predictors")
NEED_LIBRARIES = {"embedding_classifier", "nearest_neighbour"}
TEXTS = {
    "card": ("my card was stolen", "the card is lost", "where is my new card", "card not working"),
    "loan": ("how to get a loan", "interest of a loan", "repay the loan early", "loan terms"),
}
every_predictor = pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.ml] if n in NEED_LIBRARIES else []) for n in NAMES],
)


def samples(split="train", labels=tuple(TEXTS), start=0):
    """Labels that stand in their inputs, so that a predictor that copies can learn them too."""
    return [
        make.sample(number, id=f"{split}-{label}-{number}", input=text, target=label, split=split)
        for label in labels
        for number, text in enumerate(TEXTS[label][start:])
    ]


def told(predictor, asked):
    return [completion.text for completion in predictor.predict(asked)]


def fitted(name, train, folder):
    predictor = registry.predictor(name)
    predictor.fit(train, [], Tools(folder))
    return predictor


def test_ours_are_there():
    ours = {"embedding_classifier", "extractive_copy", "majority", "nearest_neighbour"}
    assert ours <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_who_it_is_and_stands_before_every_language_model(name):
    info = registry.predictor(name).info
    builders = [
        registry.prompt_builder(one).info.cost_rank for one in registry.names("advisor.prompting")
    ]
    assert isinstance(registry.predictor(name), Predictor)
    assert info.id == name
    assert info.approach in {"small_model", "none"}
    assert info.cost_rank < min(builders)


@every_predictor
def test_one_free_answer_per_sample_whatever_its_target_says(name, tmp_path):
    predictor = fitted(name, samples(), tmp_path)
    asked = samples("test", start=2)
    hidden = [sample.model_copy(update={"target": "?"}) for sample in asked]
    found = predictor.predict(hidden)
    assert [one.text for one in found] == told(predictor, asked)
    assert len(found) == len(asked)
    assert {(one.prompt_tokens, one.completion_tokens, one.usd) for one in found} == {(0, 0, 0.0)}
    assert told(predictor, hidden[::-1]) == [one.text for one in found][::-1]
    assert predictor.predict([]) == []
    if name != "majority":
        assert told(predictor, hidden) == [sample.target for sample in asked]


@every_predictor
def test_the_order_of_train_does_not_count(name, tmp_path):
    train = samples()
    first, shuffled = fitted(name, train, tmp_path), train[::-1]
    random.Random(1).shuffle(shuffled)
    second = fitted(name, shuffled, tmp_path)
    assert told(first, samples("test")) == told(second, samples("test"))
    assert first.settings == second.settings


@every_predictor
def test_it_learns_anew_and_one_label_suffices(name, tmp_path):
    predictor = fitted(name, samples(), tmp_path)
    predictor.fit(samples(labels=("loan",)), [], Tools(tmp_path))
    assert set(told(predictor, samples("test", labels=("loan",)))) == {"loan"}
    predictor.fit(samples(labels=("loan",))[:1], [], Tools(tmp_path))
    assert told(predictor, samples("test", labels=("loan",))[:1]) == ["loan"]


@every_predictor
def test_labels_that_train_lacks_and_empty_inputs_do_not_raise(name, tmp_path):
    predictor = fitted(name, samples(), tmp_path)
    odd = [make.sample(1, input=text, target="unseen") for text in ("", " ", "¿?", "x" * 5000)]
    assert len(predictor.predict(odd)) == len(odd)


@every_predictor
def test_nothing_is_learnt_from_nothing(name, tmp_path):
    with pytest.raises(DatasetError, match="at least 1 labelled sample"):
        fitted(name, [], tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_told(name):
    predictor = registry.predictor(name)
    if not isinstance(predictor, Configurable):
        pytest.skip(f"{name} takes no options")
    assert isinstance(predictor.configured({}), Predictor)
    with pytest.raises(InputError, match=f"{name} has no option 'x'"):
        predictor.configured({"x": "1"})
