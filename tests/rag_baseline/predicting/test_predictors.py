"""What learns from labels on embeddings: what it chooses, refuses and computes once."""

import pytest

from advisor.curve import learner
from advisor.errors import DatasetError, InputError
from rag_baseline.predicting.classify import PENALTIES, PENALTY, EmbeddingClassifier, chosen_penalty
from rag_baseline.predicting.labelled import SampleVectors
from rag_baseline.predicting.neighbour import NearestNeighbour, best_count, nearest, voted
from tests.fixtures import values as make
from tests.fixtures.bench import Tools
from tests.fixtures.embedders import LetterEmbedder

pytestmark = pytest.mark.ml


def labelled(count, labels=("aab", "bbc", "cca"), salt=""):
    """Texts of a label's letters, with noise that the number decides."""
    return [
        make.sample(
            n,
            input=labels[n % len(labels)] * 3 + "xyz"[n * 7 % 3] * (n % 4) + salt,
            target=labels[n % len(labels)],
        )
        for n in range(count)
    ]


class ArrayEmbedder(LetterEmbedder):
    def array(self, texts):
        import numpy as np

        return np.asarray(self.embed(texts), dtype="float32")


@pytest.mark.parametrize("embedder", [LetterEmbedder(), ArrayEmbedder()])
@pytest.mark.parametrize("kind", [EmbeddingClassifier, NearestNeighbour])
def test_every_text_is_embedded_once(kind, embedder, tmp_path):
    tools = Tools(tmp_path, embedder=embedder)
    predictor = kind()
    embedder.calls.clear()
    for size in (6, 12, 12):
        predictor.fit(labelled(size), [], tools)
        predictor.predict(labelled(12))
    assert sum(embedder.calls) == len({sample.input for sample in labelled(12)})
    predictor.fit(labelled(6), [], Tools(tmp_path, embedder=LetterEmbedder("letters-2")))
    assert sum(embedder.calls) == len({sample.input for sample in labelled(12)})


def test_targets_that_are_texts_are_refused_unless_they_are_called_labels(tmp_path):
    texts = [make.sample(n, target=f"answer {n}") for n in range(9)]
    with pytest.raises(DatasetError, match="no labels: 9 of 9 train samples") as told:
        EmbeddingClassifier().fit(texts, [], Tools(tmp_path))
    assert "embedding_classifier.targets=labels" in told.value.hint
    for predictor in (EmbeddingClassifier().configured({"targets": "labels"}), learner()):
        predictor.fit(texts, [], Tools(tmp_path))
        assert predictor.predict(texts[:1])[0].text == "answer 0"
    long = [make.sample(n, target="word " * 20) for n in range(9)]
    with pytest.raises(DatasetError, match="9 of 9 are longer than 80 characters"):
        EmbeddingClassifier().fit(long, [], Tools(tmp_path))


def test_settings_say_what_decided(tmp_path):
    predictor = EmbeddingClassifier()
    predictor.fit(labelled(60), [], Tools(tmp_path))
    assert predictor.settings == {
        "embedder": "letters letters-1",
        "labels": 3,
        "penalty": PENALTY,
        "penalty_chosen_on": 60,
    }
    given = EmbeddingClassifier().configured({"penalty": "2"})
    given.fit(labelled(60), [], Tools(tmp_path))
    assert (given.settings["penalty"], given.settings["penalty_chosen_on"]) == (2.0, 0)
    with pytest.raises(InputError, match=r"penalty='much'.*from 1e-06 to 1e\+06"):
        predictor.configured({"penalty": "much"})


def test_another_penalty_is_chosen_only_where_it_clearly_pays():
    import numpy as np

    draw = np.random.default_rng(0)
    kinds = [n % 4 for n in range(400)]
    labels = [str((kind + (n % 5 == 0)) % 4) for n, kind in enumerate(kinds)]  # a fifth is wrong
    rows = np.hstack([np.eye(4)[kinds] * 0.5, draw.normal(size=(400, 60)) * 0.3])
    found, asked = chosen_penalty(rows, labels)
    assert (found in PENALTIES, asked) == (True, 400)
    assert found > PENALTY  # wrong labels must not be learnt by heart
    assert chosen_penalty(np.eye(400), labels) == (PENALTY, 400)  # nothing to learn: it stays
    assert chosen_penalty(rows[:9], labels[:9]) == (PENALTY, 0)


def test_neighbours_are_counted_by_what_is_right_when_left_out():
    import numpy as np

    angles = np.linspace(0, 1, 40)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
    smooth = ["low" if n < 20 else "high" for n in range(40)]
    assert best_count(rows, smooth, 40) == 1
    noisy = [("high" if t == "low" else "low") if n % 5 == 2 else t for n, t in enumerate(smooth)]
    assert best_count(rows, noisy, 40) > 1
    assert best_count(rows[:2], ["a", "b"], 2) == 1


def test_votes_and_ties():
    import numpy as np

    assert voted(["a", "b", "b", "a"]) == "a"
    assert voted(["c", "b", "b"]) == "b"
    rows = np.asarray([[1, 0], [0, 1], [1, 0], [0.6, 0.8]], dtype="float32")
    assert nearest(rows, rows[:1], 3) == [[0, 2, 3]]
    assert nearest(rows, rows[:1], 9) == [[0, 2, 3, 1]]
    assert nearest(rows, rows[:2], 2, but_itself=True) == [[2, 3], [3, 0]]


def test_where_every_target_is_its_own_the_nearest_one_is_given(tmp_path):
    train = [make.sample(n, input=text, target=text * 2) for n, text in enumerate(("abc", "xyz"))]
    predictor = NearestNeighbour()
    predictor.fit(train, [], Tools(tmp_path))
    assert predictor.predict([make.sample(1, input="zyx", target="?")])[0].text == "xyzxyz"
    five = NearestNeighbour().configured({"neighbours": "5"})
    five.fit(labelled(30), [], Tools(tmp_path))
    assert five.settings["neighbours"] == 5


def test_vectors_of_no_sample():
    vectors = SampleVectors()
    vectors.by(LetterEmbedder())
    assert len(vectors.of([])) == 0
