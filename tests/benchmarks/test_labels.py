"""The measurement of labels alone, on 300 rows written here: the same code, small."""

import itertools

import pytest

from tests.fixtures.bench import Tools

INTENTS = {
    "card_lost": ("I lost my {} card", "my {} card is gone", "cannot find the {} card"),
    "pin": ("I forgot the PIN of my {} card", "change the {} PIN", "how to reset a {} PIN"),
    "refund": ("when do I get my {} refund", "the {} refund is missing", "I want {} money back"),
    "rate": ("what is the {} exchange rate", "the {} rate looks wrong", "which rate for {} money"),
    "limit": ("raise my {} limit", "how high is the {} limit", "I reached the {} limit"),
}
WORDS = ("new", "old", "blue", "second", "daily", "travel", "shared", "paper", "gold", "spare")
ENDINGS = ("", ", please")


def written():
    """300 rows of five intents as two CSV texts: 200 to learn from, 100 to ask."""
    return [
        (form.format(word) + ending, intent)
        for intent, forms in INTENTS.items()
        for form, word, ending in itertools.product(forms, WORDS, ENDINGS)
    ]


@pytest.fixture
def rows(tmp_path):
    from benchmarks.labels.rows import read

    for name, part in (("train", 0), ("test", 1)):
        lines = [
            f'"{text}",{label}'
            for at, (text, label) in enumerate(written())
            if (at % 3 == 2) == part
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,category", *lines]) + "\n")
    return read(tmp_path)


@pytest.mark.ml
def test_more_labels_and_similar_shots_tell_more(rows, tmp_path, monkeypatch):
    import numpy as np

    from advisor import registry
    from benchmarks.labels import accuracy, shots

    monkeypatch.setattr(accuracy, "PER_LABEL", (1, 20))
    monkeypatch.setattr(accuracy, "DRAWS", 2)
    monkeypatch.setattr(accuracy, "RESAMPLES", 200)
    embedder = registry.embedder("sentence_transformers")
    vectors = {
        sample.input: vector
        for part in rows
        for sample, vector in zip(part, embedder.embed([s.input for s in part]), strict=True)
    }

    class Kept:
        info = embedder.info
        digest = "kept"

        def embed(self, texts):
            return [vectors[text] for text in texts]

    tools = Tools(tmp_path, embedder=Kept())
    classifier = registry.predictor("embedding_classifier").configured({"targets": "labels"})
    whole = accuracy.right(classifier, rows.train, rows.test, tools)
    grown = accuracy.curve(classifier, rows, tools)
    assert whole.mean() > 0.95
    assert grown["1"]["accuracy"] < grown["20"]["accuracy"]
    assert grown["1"]["low"] <= grown["1"]["accuracy"] <= grown["1"]["high"]
    train, test = (np.asarray(Kept().embed([s.input for s in part])) for part in rows)
    labels, truth = ([s.target for s in part] for part in rows)
    similar = shots.by_similar(train, labels, test, truth)
    drawn = shots.by_random(train, labels, test, truth)
    for asked in ("vote", "label_shown"):
        assert similar[asked]["1"]["accuracy"] > drawn[asked]["4"]["accuracy"]
        worth = shots.equivalents(similar[asked], drawn[asked])["1"]
        assert worth is None or worth > 4
    assert similar["vote"]["5"]["accuracy"] <= similar["label_shown"]["5"]["accuracy"]


def test_random_shots_that_are_worth_as_much_lie_between_two_numbers():
    from benchmarks.labels import shots

    drawn = {"1": {"accuracy": 0.1}, "10": {"accuracy": 0.5}, "1000": {"accuracy": 0.7}}
    similar = {"1": {"accuracy": 0.6}, "3": {"accuracy": 0.9}, "5": {"accuracy": 0.05}}
    assert shots.equivalents(similar, drawn) == {"1": 100, "3": None, "5": 1}


def test_rows_are_drawn_by_label():
    from benchmarks.labels.rows import some_of_each
    from tests.fixtures import values as make

    train = [make.sample(n, target=label) for n, label in enumerate("aaaab")]
    drawn = some_of_each(train, 2, 0)
    assert [sample.target for sample in drawn] == ["a", "a", "b"]
    assert drawn == some_of_each(train, 2, 0)
