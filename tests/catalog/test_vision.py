"""Vision towers are counted beside the language model, or their absence is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from advisor import registry
from advisor.catalog import query
from advisor.catalog.architectures import card_of
from advisor.schema.base import Provenance
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.candidate import Inquiry, make_candidate
from advisor.stages.estimate.stage import estimate
from advisor.units import gib_from_bytes

ROOT = Path(__file__).parents[2]
GOLDEN = yaml.safe_load((ROOT / "tests" / "golden" / "vision.yaml").read_text(encoding="utf-8"))
GPU = query.find_gpu("h100")


def card(config):
    return card_of(config, "x", Provenance(kind="computed"), where="config.json")


def gib(model, method):
    request = EstimateRequest(as_of="2026-11-25")
    asked = Inquiry(request, model, {}, query.reference())
    return make_candidate(asked, GPU, registry.method(method)).option.memory.allocated_gib.likely


@pytest.mark.parametrize(("name", "entry"), GOLDEN["models"].items())
def test_parts_beside_the_language_model_have_the_count_of_transformers(name, entry):
    model = card(entry["config"])
    assert model.extra_parameters == entry["parameters"], name
    assert model.extra_linear_weights == entry["linear_weights"], name
    assert not model.uncounted


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["gemma3", "llava_next", "mistral3", "qwen2_5_vl", "qwen3_vl"])
def test_the_counts_are_those_of_transformers(name):
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import golden_vision
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    counted = golden_vision.counted(GOLDEN["models"][name]["config"])
    entry = GOLDEN["models"][name]
    assert counted == (entry["parameters"], entry["linear_weights"])


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_a_tower_takes_memory_as_it_is_loaded(method):
    config = GOLDEN["models"]["qwen2_5_vl"]["config"]
    text = {key: value for key, value in config.items() if key != "vision_config"}
    more = gib(card(config), method) - gib(card(text), method)
    weights = gib_from_bytes(card(config).extra_parameters)
    share = 0.5 if method == "qlora" else 2.0
    assert more == pytest.approx(share * weights, rel=0.02)


def test_what_nobody_counts_is_told():
    config = GOLDEN["models"]["qwen2_5_vl"]["config"]
    odd = config | {"vision_config": {"model_type": "unheard-of"}, "audio_config": {"depth": 3}}
    model = card(odd)
    assert model.uncounted == ("audio_config", "vision_config")
    asked = Inquiry(EstimateRequest(as_of="2026-11-25"), model, {}, query.reference())
    found = estimate(asked, gpus=[GPU], methods=registry_methods())
    assert any("audio, vision" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("gemma-3-4b", 4_300_079_472),
        ("gemma-3-12b", 12_187_325_040),
        ("gemma-3-27b", 27_432_406_640),
        ("llama-4-scout", 108_641_793_536),
        ("mistral-small-3.1-24b", 24_011_361_280),
    ],
)
def test_models_of_the_catalog_have_the_published_total(name, published):
    model = query.find_model(name)
    assert model.parameters + model.extra_parameters == published
    assert "vision" in model.provenance.note


def test_a_model_of_the_catalog_may_say_what_is_not_counted():
    assert query.find_model("gemma-4-31b").uncounted == ("vision",)


def registry_methods():
    return {name: registry.method(name) for name in registry.names("advisor.methods")}
