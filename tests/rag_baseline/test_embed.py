import importlib.util

import pytest

from advisor.errors import MissingExtraError, ModelFolderError
from advisor.schema.evaluation import Document, Sample
from rag_baseline.builder import RagBuilder, readable
from rag_baseline.embed import PACKAGE, SentenceTransformersEmbedder
from tests.fixtures.bench import DOCUMENTS, Tools


def test_a_folder_that_is_no_model_is_told(tmp_path):
    with pytest.raises(ModelFolderError, match=r"modules\.json is missing"):
        SentenceTransformersEmbedder(str(tmp_path)).embed(["a"])


def test_without_the_model_package_the_pip_line_is_told(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == PACKAGE else found(name)
    )
    with pytest.raises(MissingExtraError) as caught:
        SentenceTransformersEmbedder().embed(["a"])
    assert "finetune-advisor[offline]" in caught.value.hint


needs_model = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="the extra offline is not installed"
)


@pytest.mark.ml
@needs_model
def test_the_real_tokenizer_says_what_the_model_would_cut():
    embedder = SentenceTransformersEmbedder()
    english, numbers = "the pump is cold " * 35, "7.1; " * 120
    assert len(english) <= 600 >= len(numbers)
    assert not embedder.cuts([english, ""])
    assert embedder.cuts([english, numbers])
    document = Document(name="table.txt", text=numbers * 4)
    assert not embedder.cuts([p.text for p in readable(document, embedder)])


@pytest.mark.ml
@needs_model
def test_meaning_is_found_with_the_real_model(tmp_path):
    builder = RagBuilder()
    builder.fit([], [], DOCUMENTS, Tools(tmp_path))
    asked = {
        "How often must the strainer be washed?": "pump.md#2",
        "Which liquid do I pour in, and how much?": "pump.md#1",
        "What temperature should it be kept at?": "pump.md#3",
        "It makes a strange sound, why?": "pump.md#4",
    }
    samples = [Sample(id=text, input=text, target="") for text in asked]
    builder.prepare(samples)
    assert {s.input: builder.build(s).passages[0] for s in samples} == asked
