import importlib.util
import json
from pathlib import Path

import pytest

from advisor.contracts import Arraying, Asymmetric, Configurable, Windowed
from advisor.errors import InputError, MissingExtraError, ModelFolderError
from rag_baseline.embedding.embed import PACKAGE, SentenceTransformersEmbedder


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


def variant(folder: Path, **files) -> str:
    """The packaged model with other files in some places (None: without it)."""
    packaged = SentenceTransformersEmbedder().folder
    folder.mkdir()
    for path in packaged.iterdir():
        if path.name not in files:
            (folder / path.name).symlink_to(path)
    for name, content in files.items():
        if content is not None:
            (folder / name).write_text(json.dumps(content))
    return str(folder)


CONFIG = "config_sentence_transformers.json"
PROMPTS = {CONFIG: {"prompts": {"query": "query: ", "passage": "passage: "}}}


@pytest.mark.ml
@needs_model
def test_questions_and_passages_get_the_prompts_of_the_models_configuration(tmp_path):
    plain = SentenceTransformersEmbedder()
    asked = SentenceTransformersEmbedder(variant(tmp_path / "e5", **PROMPTS))
    texts = ["Blue oil.", "A sieve, washed every week."]
    with_passage = plain.array([f"passage: {text}" for text in texts])
    with_query = plain.array([f"query: {text}" for text in texts])
    assert abs(asked.array(texts) - with_passage).max() < 1e-5
    assert abs(asked.array_queries(texts) - with_query).max() < 1e-5
    assert abs(plain.array_queries(texts) - plain.array(texts)).max() == 0
    assert abs(with_query - with_passage).max() > 0.01
    assert asked.digest != plain.digest


@needs_model
def test_the_window_leaves_marks_and_prompt_out(tmp_path):
    pytest.importorskip("tokenizers")
    plain = SentenceTransformersEmbedder()
    assert plain.max_tokens == 254
    assert plain.token_counts(["blue oil", ""]) == [2, 0]
    prompted = SentenceTransformersEmbedder(variant(tmp_path / "a", **PROMPTS))
    assert prompted.max_tokens == 254 - 2
    untold = variant(tmp_path / "b", **{"sentence_bert_config.json": None})
    assert SentenceTransformersEmbedder(untold).max_tokens == 510
    silent = variant(tmp_path / "c", **{"tokenizer.json": None})
    embedder = SentenceTransformersEmbedder(silent)
    assert (embedder.tokenizer, embedder.max_tokens) == (None, 256)
    assert embedder.token_counts(["blue oil"]) == [3]
    assert not embedder.cuts(["x " * 999])


@needs_model
def test_a_broken_tokenizer_or_model_is_told(tmp_path):
    pytest.importorskip("tokenizers")
    broken = variant(tmp_path / "a", **{"tokenizer.json": {"model": 1}})
    assert SentenceTransformersEmbedder(broken).tokenizer is None


@pytest.mark.ml
@needs_model
def test_a_model_that_does_not_open_is_told(tmp_path):
    broken = variant(tmp_path / "a", **{"config.json": {"model_type": "no-such-model"}})
    with pytest.raises(ModelFolderError, match="does not open") as caught:
        SentenceTransformersEmbedder(broken).embed(["x"])
    assert "folder is whole" in caught.value.hint


def test_options_name_model_and_batch(tmp_path):
    embedder = SentenceTransformersEmbedder()
    for contract in (Arraying, Asymmetric, Configurable, Windowed):
        assert isinstance(embedder, contract)
    told = embedder.configured({"model": str(tmp_path), "batch": "8"})
    assert told.model == str(tmp_path)
    assert told.configured({}).model == str(tmp_path)
    for options, words in (
        ({"batch": "0"}, "from 1 to"),
        ({"model": str(tmp_path / "none")}, "There is no folder"),
        ({"modle": "x"}, "Did you mean 'model'"),
    ):
        with pytest.raises(InputError, match=words):
            embedder.configured(options)
