"""Promises of a predictor: fitted anew each time, one answer per sample, blind to targets."""

import pytest

from advisor import registry
from advisor.contracts import Predictor
from advisor.errors import DatasetError
from tests.fixtures import values as make
from tests.fixtures.bench import Tools

NAMES = registry.names("advisor.predictors")
TEXTS = {
    "card": ("my card was stolen", "the card is lost", "where is my new card", "card not working"),
    "loan": ("how much can I borrow", "interest of a loan", "repay the loan early", "loan terms"),
}


def samples(split, start=0):
    return [
        make.sample(number, id=f"{split}-{label}-{number}", input=text, target=label, split=split)
        for label, texts in TEXTS.items()
        for number, text in enumerate(texts[start:])
    ]


def test_there_is_one():
    assert "embedding_classifier" in NAMES


@pytest.mark.ml
@pytest.mark.parametrize("name", NAMES)
def test_promises(name, tmp_path):
    predictor = registry.predictor(name)
    assert isinstance(predictor, Predictor)
    assert predictor.info.id == name
    tools = Tools(tmp_path)
    predictor.fit(samples("train"), [], tools)
    asked = samples("test", start=2)
    hidden = [sample.model_copy(update={"target": "?"}) for sample in asked]
    answers = [completion.text for completion in predictor.predict(hidden)]
    assert answers == [sample.target for sample in asked]
    assert [c.text for c in predictor.predict(hidden[::-1])] == answers[::-1]
    assert predictor.predict([]) == []
    predictor.fit([s for s in samples("train") if s.target == "loan"], [], tools)
    assert {completion.text for completion in predictor.predict(hidden)} == {"loan"}
    with pytest.raises(DatasetError, match="at least 1 labelled sample"):
        predictor.fit([], [], tools)
