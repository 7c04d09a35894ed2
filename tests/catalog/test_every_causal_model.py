"""Every causal language model of transformers is read exactly, nearly and said so, or refused."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GOLDEN = yaml.safe_load((ROOT / "tests" / "golden" / "causal.yaml").read_text(encoding="utf-8"))
FAMILIES = GOLDEN["families"]
NEAR, WITHOUT_HEAD = 0.05, 0.01
SAMPLE = (
    *("bamba", "bitnet", "gemma3n_text", "jamba", "kimi_linear", "ernie4_5_moe", "hy_v3"),
    *("zamba2", "falcon_h1", "doge", "hrm_text", "bailing_hybrid", "gemma3", "llama4", "bart"),
)


@pytest.mark.parametrize(("family", "entry"), FAMILIES.items())
def test_none_is_read_wrongly(family, entry):
    how, parameters, read = entry["how"], entry["parameters"], entry["read"]
    if how in {"refused", "no model"}:
        assert read is None
    elif how in {"near", "encoder"}:
        limit = NEAR if how == "near" else WITHOUT_HEAD
        assert abs(read / parameters - 1) <= limit, family
    elif how == "told":
        assert read <= parameters
    else:
        assert (how, read) == ("exact", parameters)


def test_most_are_read():
    hows = Counter(entry["how"] for entry in FAMILIES.values())
    assert len(FAMILIES) >= 185
    assert hows["exact"] >= 60
    assert hows["near"] >= 40
    assert hows["told"] <= 4


@pytest.fixture(scope="module")
def golden_causal():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import golden_causal
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    return golden_causal


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", SAMPLE)
def test_the_table_says_what_transformers_and_the_readers_say(golden_causal, family):
    import transformers

    if transformers.__version__ != GOLDEN["transformers"]:
        pytest.skip("the table was written by another transformers")
    assert golden_causal.entry(family) == FAMILIES[family]


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
def test_every_default_configuration_is_still_read_as_the_table_says(golden_causal):
    import transformers

    if transformers.__version__ != GOLDEN["transformers"]:
        pytest.skip("the table was written by another transformers")
    for family, entry in FAMILIES.items():
        if entry["how"] != "no model":
            _, content = golden_causal.default_config(family)
            card = golden_causal.read(family, content)
            assert (card and card.parameters + card.extra_parameters) == entry["read"], family
