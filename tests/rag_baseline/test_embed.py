import importlib.util

import pytest

from advisor.errors import MissingExtraError, ModelFolderError
from rag_baseline.embed import PACKAGE, SentenceTransformersEmbedder


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
