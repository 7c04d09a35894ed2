from __future__ import annotations

import json

import pytest

from advisor.catalog.query import find_model
from advisor.errors import CatalogError, UnknownModelError

CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "vocab_size": 1000,
}
PLACE = "/somebody/small/resolve/main/config.json"


@pytest.fixture
def hub(site, fresh_series, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    monkeypatch.setenv("ADVISOR_ALLOW_DOWNLOAD", "1")
    return site


def test_nothing_is_asked_without_leave(hub, monkeypatch):
    monkeypatch.delenv("ADVISOR_ALLOW_DOWNLOAD")
    hub.put_text(PLACE, json.dumps(CONFIG))
    with pytest.raises(UnknownModelError):
        find_model("somebody/small")
    assert not hub.asked


def test_a_model_of_the_hub_is_counted(hub):
    hub.put_text(PLACE, json.dumps(CONFIG))
    card = find_model("somebody/small")
    assert card.layers == 2
    assert card.parameters == 2 * 1000 * 256 + 2 * (4 * 256**2 + 3 * 256 * 512 + 2 * 256) + 256
    assert "somebody/small" in card.provenance.note
    assert json.loads(card.configuration) == CONFIG


def test_a_model_that_is_not_there_is_told(hub):
    with pytest.raises(CatalogError) as caught:
        find_model("somebody/small")
    assert caught.value.hint


@pytest.mark.parametrize("content", ["<html>", "[]", "3"])
def test_a_page_instead_of_a_configuration_is_told(hub, content):
    hub.put_text(PLACE, content)
    with pytest.raises(UnknownModelError, match="no configuration"):
        find_model("somebody/small")
