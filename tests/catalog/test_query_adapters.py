"""A folder with an adapter has the shape of the model that it stands on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.catalog import query
from advisor.errors import UnknownModelError


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("adapter_config.json", {"base_model_name_or_path": "tiny"}),
        ("base.json", {"model": "tiny"}),
    ],
)
def test_an_adapter_has_its_bases_shape(tmp_path: Path, name: str, told: dict):
    (tmp_path / name).write_text(json.dumps(told))
    card, base = query.find_model(str(tmp_path)), query.find_model("tiny")
    assert (card.parameters, card.layers) == (base.parameters, base.layers)
    assert card.local_path == str(tmp_path)
    assert "was trained beside tiny" in card.provenance.note
    assert query.with_configuration(card).configuration


def test_an_adapter_of_nothing_is_no_model(tmp_path: Path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(UnknownModelError, match="holds no config"):
        query.find_model(str(tmp_path))
